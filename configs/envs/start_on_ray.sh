# Functions of the launch scripts in configs/msrl, configs/rlxf and configs/verl; not run by itself.
# ray is that of the host's requirements: do not install another one beside it.

# What Ascend's environment wants; runtime_env.yaml says the same to Ray's workers.
export CUDA_DEVICE_MAX_CONNECTIONS="${CUDA_DEVICE_MAX_CONNECTIONS:-1}"
export HCCL_CONNECT_TIMEOUT="${HCCL_CONNECT_TIMEOUT:-1800}"
export HYDRA_FULL_ERROR="${HYDRA_FULL_ERROR:-1}"
export RAY_DEDUP_LOGS="${RAY_DEDUP_LOGS:-0}"

fail() {
    echo "error: $1" >&2
    exit 2
}

# The first IPv4 address of a network card.
address_of() {
    ip -4 -o addr show dev "$1" 2>/dev/null | awk '{split($4, a, "/"); print a[1]; exit}' || true
}

# The card of the default route.
default_card() {
    ip -4 route show default 2>/dev/null | awk '{for (i = 1; i < NF; i++) if ($i == "dev") {print $(i + 1); exit}}' || true
}

# Fills in SOCKET_IFNAME and CURRENT_IP, and MASTER_ADDR on a single node.
find_addresses() {
    [ -n "$SOCKET_IFNAME" ] || SOCKET_IFNAME="$(default_card)"
    [ -n "$SOCKET_IFNAME" ] || fail "no network card found; set SOCKET_IFNAME at the top of the script"
    CURRENT_IP="$(address_of "$SOCKET_IFNAME")"
    [ -n "$CURRENT_IP" ] || fail "the network card $SOCKET_IFNAME has no IPv4 address (ip addr shows them)"
    if [ -z "$MASTER_ADDR" ]; then
        [ "$NNODES" -eq 1 ] || fail "set MASTER_ADDR at the top of the script: the head node's IP"
        MASTER_ADDR="$CURRENT_IP"
    fi
    case "$MASTER_ADDR" in
        localhost | 127.*) fail "MASTER_ADDR is $MASTER_ADDR; it must be the IP of a network card" ;;
    esac
    if [ "$NNODES" -eq 1 ] && [ "$MASTER_ADDR" != "$CURRENT_IP" ]; then
        fail "one node, but MASTER_ADDR $MASTER_ADDR is not this node's $CURRENT_IP ($SOCKET_IFNAME)"
    fi
    export MASTER_ADDR SOCKET_IFNAME
    # A proxy of the machine must not stand between the nodes.
    export no_proxy="$MASTER_ADDR,$CURRENT_IP${no_proxy:+,$no_proxy}"
    export NO_PROXY="$no_proxy"
    export GLOO_SOCKET_IFNAME="$SOCKET_IFNAME" TP_SOCKET_IFNAME="$SOCKET_IFNAME"
    export HCCL_SOCKET_IFNAME="$SOCKET_IFNAME"
}

# Stops when the doctor finds an error; SKIP_DOCTOR=1 goes on.
ask_doctor() {
    [ "${SKIP_DOCTOR:-0}" = 1 ] && return
    msrl-ext doctor --config "$1" "${@:2}" ||
        fail "the doctor found errors in $1 (SKIP_DOCTOR=1 starts all the same)"
}

# Ends the Ray that start_ray started, and forgets its address: ray.init would look for it for minutes.
end_ray() {
    local address_file="${RAY_TMPDIR:-/tmp}/ray/ray_current_cluster"
    kill "$RAY_PID" 2>/dev/null || true
    wait "$RAY_PID" 2>/dev/null || true
    if [ "$(cat "$address_file" 2>/dev/null)" = "$RAY_ADDRESS" ]; then
        rm -f "$address_file"
    fi
}

# Starts this node's Ray in the background and ends it, and nothing else, when the script ends.
start_ray() {
    command -v ray >/dev/null || fail "no ray command; install the host's requirements.txt"
    if [ "$CURRENT_IP" = "$MASTER_ADDR" ]; then
        ray start --block --head --port "$RAY_PORT" --node-ip-address "$CURRENT_IP" \
            --resources "{\"NPU\": $NPUS_PER_NODE}" &
    else
        ray start --block --address "$MASTER_ADDR:$RAY_PORT" --node-ip-address "$CURRENT_IP" \
            --resources "{\"NPU\": $NPUS_PER_NODE}" &
    fi
    RAY_PID=$!
    export RAY_ADDRESS="$MASTER_ADDR:$RAY_PORT"
    trap end_ray EXIT
    trap 'exit 130' INT TERM
}

# Waits until all nodes have joined, at most WAIT_SECONDS.
# Newer versions of Ray ask for a token: the same RAY_AUTH_MODE and RAY_AUTH_TOKEN on every node.
wait_for_npus() {
    local wanted=$((NNODES * NPUS_PER_NODE)) deadline=$((SECONDS + ${WAIT_SECONDS:-1200})) found said
    while true; do
        kill -0 "$RAY_PID" 2>/dev/null || fail "Ray did not start; is another one running on port $RAY_PORT?"
        said="$("${PYTHON:-python}" -c '
import ray
ray.init(log_to_driver=False, logging_level="error")
print(int(ray.cluster_resources().get("NPU", 0)))' 2>&1 | tail -n 1)" || true
        case "$said" in
            '' | *[!0-9]*) found=0 ;;
            *) found="$said" said="" ;;
        esac
        [ "$found" -ge "$wanted" ] && break
        [ "$SECONDS" -lt "$deadline" ] || fail "$found of $wanted NPUs joined in time${said:+: $said}"
        echo "$found of $wanted NPUs have joined${said:+: $said}"
        sleep 5
    done
    echo "$found NPUs have joined"
}
