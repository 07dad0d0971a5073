"""Texts on the environment and the notes' FAQ. Ids: E-."""

from mindspeed_rl_ext.doctor.texts.text import Text

_VERIFY = 'pip install "mindspeed-rl-ext[verify]"'

TEXTS = {
    "E-python": Text("ok", "Python {version}", "", "Python {version}", ""),
    "E-python-old": Text(
        "error",
        "Python {version} is too old",
        "use Python 3.10 or newer",
        "Python {version} 太旧",
        "使用 Python 3.10 或更新版本",
    ),
    "E-ours": Text(
        "ok", "mindspeed-rl-ext {version}, {mode}", "", "mindspeed-rl-ext {version}，{mode}", ""
    ),
    "E-not-installed": Text(
        "warning",
        "mindspeed-rl-ext {version} runs from a folder, without being installed",
        "pip install mindspeed-rl-ext, or pip install -e . in the checkout: only then are hosts "
        "adapted by themselves",
        "mindspeed-rl-ext {version} 直接从目录运行，没有安装",
        "pip install mindspeed-rl-ext，或在源码目录 pip install -e .：装了之后宿主才会自动适配",
    ),
    "E-twice": Text(
        "warning",
        "mindspeed-rl-ext is installed {count} times",
        "uninstall all but one: pip uninstall mindspeed-rl-ext",
        "mindspeed-rl-ext 装了 {count} 份",
        "只留一份：pip uninstall mindspeed-rl-ext",
    ),
    "E-stale": Text(
        "warning",
        "the code is version {code}, the installation says {installed}",
        "install again",
        "代码是 {code} 版，安装记录是 {installed} 版",
        "重新安装",
    ),
    "E-libraries": Text("note", "{there}", "", "{there}", ""),
    "E-absent": Text("note", "not installed: {absent}", "", "没有安装：{absent}", ""),
    "E-no-math-verify": Text(
        "note",
        "math-verify is not installed: answers that need it count as UNPARSEABLE",
        _VERIFY,
        "没有 math-verify：需要它才能判定的答案记为 UNPARSEABLE",
        _VERIFY,
    ),
    "E-math-verify-old": Text(
        "warning",
        "math-verify {version} is older than 0.8{because}",
        _VERIFY,
        "math-verify {version} 早于 0.8{because_zh}",
        _VERIFY,
    ),
    "E-antlr": Text(
        "warning",
        "antlr4-python3-runtime {version} beside {users}, which need 4.9",
        'pip install "antlr4-python3-runtime==4.9.3"',
        "antlr4-python3-runtime {version} 与需要 4.9 的 {users} 并存",
        'pip install "antlr4-python3-runtime==4.9.3"',
    ),
    "E-bitsandbytes": Text(
        "error",
        "bitsandbytes {version} beside torch_npu: importing it fails in get_device_capability, "
        "and with it loading a model",
        "pip uninstall bitsandbytes",
        "bitsandbytes {version} 与 torch_npu 并存：导入时 get_device_capability 报 TypeError，"
        "转换或加载模型随之失败",
        "pip uninstall bitsandbytes",
    ),
    "E-click": Text(
        "warning",
        "click {click} beside ray {ray}: the ray command may fail (ray issue 56747)",
        'pip install "click<8.3" where `ray --version` fails',
        "click {click} 与 ray {ray} 并存：ray 命令可能启动失败（ray issue 56747）",
        '若 `ray --version` 失败：pip install "click<8.3"',
    ),
    "E-two-hosts": Text(
        "warning",
        "{hosts} are importable in one environment",
        "give each host an environment of its own, or take one off PYTHONPATH",
        "同一环境里可以导入 {hosts}",
        "每个宿主单独一个环境，或从 PYTHONPATH 去掉一个",
    ),
    "E-npu-versions": Text(
        "error",
        "torch {torch} beside torch_npu {npu}: both must have the same first two numbers",
        "install the torch that torch_npu {npu} was built for",
        "torch {torch} 与 torch_npu {npu} 不配套：前两段版本号必须相同",
        "安装与 torch_npu {npu} 配套的 torch",
    ),
    "E-row": Text(
        "ok",
        "torch {torch} and CANN {cann} are those of {hosts} (from the hosts' documentation)",
        "",
        "torch {torch} 与 CANN {cann} 是 {hosts} 文档所列的配套",
        "",
    ),
    "E-no-row": Text(
        "warning",
        "no host documents torch {torch} with CANN {cann}; known: {rows}",
        "choose a row of the host's installation guide",
        "没有宿主文档列出 torch {torch} 配 CANN {cann}；已知：{rows}",
        "按宿主安装指南选一行配套版本",
    ),
    "E-no-cann": Text(
        "warning",
        "torch_npu is installed, but no CANN toolkit was found",
        "source .../ascend-toolkit/set_env.sh, which sets ASCEND_TOOLKIT_HOME",
        "装了 torch_npu，但没有找到 CANN toolkit",
        "source .../ascend-toolkit/set_env.sh，它会设置 ASCEND_TOOLKIT_HOME",
    ),
    "E-docker-auth": Text(
        "warning",
        "the auth of {entry} is not base64 of user:password: wandb stops at start-up on it",
        "mv ~/.docker/config.json ~/.docker/config.json.bak, or docker logout {entry}",
        "{entry} 的 auth 不是 user:password 的 base64：wandb 启动时会因此报错",
        "mv ~/.docker/config.json ~/.docker/config.json.bak，或 docker logout {entry}",
    ),
    "E-docker-broken": Text(
        "warning",
        "the file is not JSON with a table of auths: wandb stops at start-up on it",
        "mv ~/.docker/config.json ~/.docker/config.json.bak",
        "文件不是带 auths 表的 JSON：wandb 启动时会因此报错",
        "mv ~/.docker/config.json ~/.docker/config.json.bak",
    ),
    "E-libgomp": Text(
        "warning",
        "on this machine importing sklearn after torch may fail: libgomp cannot allocate memory "
        "in static TLS block",
        "export LD_PRELOAD={preload}",
        "在这种机器上先导入 torch 再导入 sklearn 可能失败：libgomp: cannot allocate memory in "
        "static TLS block",
        "export LD_PRELOAD={preload}",
    ),
}
