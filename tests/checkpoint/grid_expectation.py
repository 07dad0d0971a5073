"""Tiny models of every family, layouts, and what their shards must hold.

Written from the format's description with whole-array numpy operations; nothing of
mindspeed_rl_ext.checkpoint is imported here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

H, LAYERS, VOCAB = 8, 4, 19
HEADS, GROUPS, HEAD_DIM, FFN = 4, 4, 3, 8
EXPERTS, MOE_FFN, SHARED_FFN = 8, 4, 8
NOPE, ROPE, V_DIM, Q_RANK, KV_RANK = 3, 2, 5, 8, 6


@dataclass(frozen=True)
class Model:
    model_type: str
    config: dict
    bias: bool = False
    qk_norm: bool = False
    dense: tuple[int, ...] = tuple(range(LAYERS))
    block: str = "mlp"
    parts: tuple[str, str, str] = ("gate_proj", "up_proj", "down_proj")
    experts_key: str = "num_experts"
    shared: str = ""
    shared_gate: bool = False
    router_bias: bool = False
    mla: str = ""
    tied: bool = False
    mtp: int = 0


MOE = {"moe_intermediate_size": MOE_FFN, "num_experts_per_tok": 2}
MLA = {
    "kv_lora_rank": KV_RANK, "qk_nope_head_dim": NOPE, "qk_rope_head_dim": ROPE,
    "v_head_dim": V_DIM, "n_shared_experts": 2, "first_k_dense_replace": 1, "moe_layer_freq": 1,
}  # fmt: skip
MODELS = {
    "llama": Model("llama", {}),
    "qwen2": Model("qwen2", {}, bias=True),
    "qwen2-tied": Model("qwen2", {}, bias=True, tied=True),
    "qwen3": Model("qwen3", {}, qk_norm=True),
    "mistral": Model("mistral", {}),
    "mixtral": Model(
        "mixtral", {"num_local_experts": EXPERTS, "intermediate_size": MOE_FFN}, dense=(),
        block="block_sparse_moe", parts=("w1", "w3", "w2"),
    ),
    "qwen2_moe": Model(
        "qwen2_moe",
        {**MOE, "num_experts": EXPERTS, "shared_expert_intermediate_size": SHARED_FFN,
         "decoder_sparse_step": 1, "mlp_only_layers": [2]},
        bias=True, dense=(2,), shared="shared_expert", shared_gate=True,
    ),
    "qwen3_moe": Model(
        "qwen3_moe",
        {**MOE, "num_local_experts": EXPERTS, "decoder_sparse_step": 2, "mlp_only_layers": []},
        qk_norm=True, dense=(0, 2),
    ),
    "deepseek2-lite": Model(
        "deepseek_v2", {**MOE, **MLA, "n_routed_experts": EXPERTS, "q_lora_rank": None},
        dense=(0,), shared="shared_experts", mla="lite",
    ),
    "deepseek2": Model(
        "deepseek_v2", {**MOE, **MLA, "n_routed_experts": EXPERTS, "q_lora_rank": Q_RANK},
        dense=(0,), shared="shared_experts", mla="full",
    ),
    "deepseek3": Model(
        "deepseek_v3", {**MOE, **MLA, "n_routed_experts": EXPERTS, "q_lora_rank": Q_RANK},
        dense=(0,), shared="shared_experts", mla="full", router_bias=True,
    ),
    "deepseek3-mtp": Model(
        "deepseek_v3",
        {**MOE, **MLA, "n_routed_experts": EXPERTS, "q_lora_rank": Q_RANK,
         "num_nextn_predict_layers": 2},
        dense=(0,), shared="shared_experts", mla="full", router_bias=True, mtp=2,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Cut:
    tp: int = 1
    pp: int = 1
    ep: int = 1
    per_virtual: int = 0
    layer_list: tuple[int, ...] = ()
    noop: tuple[int, ...] = ()
    grouped: bool = False
    extend: bool = False
    te: bool = False
    dialect: str = "0.8"
    divisible_by: int = 1
    whole: bool = False
    mm_split: bool = False
    dualpipe: bool = False

    def options(self) -> dict:
        return {
            "expert_tensor_parallel_size": 1 if self.whole else None,
            "mla_mm_split": self.mm_split,
            "schedules_method": "dualpipev" if self.dualpipe else None,
            "tensor_parallel_size": self.tp,
            "pipeline_parallel_size": self.pp,
            "expert_parallel_size": self.ep,
            "num_layers_per_virtual_pipeline_stage": self.per_virtual or None,
            "num_layer_list": self.layer_list,
            "noop_layers": self.noop,
            "moe_grouped_gemm": self.grouped,
            "moe_tp_extend_ep": self.extend,
            "transformer_impl": "transformer_engine" if self.te else "local",
            "mcore_dialect": self.dialect,
            "make_vocab_size_divisible_by": self.divisible_by,
        }

    def ranks(self) -> list[tuple[int, int]]:
        """Pairs of TP and EP rank that have a folder."""
        if self.whole and self.tp >= self.ep:
            return [(t, t % self.ep) for t in range(self.tp)]
        if self.whole:
            return [(e % self.tp, e) for e in range(self.ep)]
        return [(t, e) for t in range(self.tp) for e in range(self.ep)]

    def folder(self, t: int, p: int, e: int) -> str:
        return (
            f"mp_rank_{t:02d}"
            + (f"_{p:03d}" if self.pp > 1 else "")
            + (f"_{e:03d}" if self.ep > 1 else "")
        )

    def held(self, p: int) -> list[tuple[str, list[tuple[int, int]]]]:
        """Key and (local index, layer) of each chunk of a stage."""
        slots: list[int | None] = []
        for _ in range(LAYERS + len(self.noop)):
            is_noop = len(slots) in self.noop
            slots.append(None if is_noop else sum(s is not None for s in slots))
        if self.dualpipe:
            half = len(slots) // self.pp // 2
            back = len(slots) - p * half
            chunks = [slots[p * half :][:half], slots[back - half : back]]
            return [(f"model{v}", pairs(c)) for v, c in enumerate(chunks)]
        if self.per_virtual:
            n = self.per_virtual
            chunks = [slots[i : i + n] for i in range(0, len(slots), n)]
            return [(f"model{v}", pairs(c)) for v, c in enumerate(chunks[p :: self.pp])]
        if self.layer_list:
            start = sum(self.layer_list[:p])
            return [("model", pairs(slots[start : start + self.layer_list[p]]))]
        return [("model", pairs(slots[p * len(slots) // self.pp :][: len(slots) // self.pp]))]


def pairs(slots: list[int | None]) -> list[tuple[int, int]]:
    return [(local, layer) for local, layer in enumerate(slots) if layer is not None]


DENSE_CUTS = {
    "TP2-PP2": Cut(2, 2),
    "TP4-padded-TE": Cut(4, te=True, divisible_by=8),
    "VPP": Cut(2, 2, per_virtual=1),
    "list": Cut(1, 3, layer_list=(1, 2, 1)),
    "noop": Cut(2, 2, noop=(1, 4)),
}
MOE_CUTS = {
    "EP2": Cut(ep=2),
    "TP2-PP2-EP2-grouped-0.12": Cut(2, 2, 2, grouped=True, dialect="0.12"),
    "TP2-EP2-extended": Cut(2, 1, 2, grouped=True, extend=True),
    "TE-grouped-EP4": Cut(2, 1, 4, grouped=True, te=True),
    "TE-local-extended-off": Cut(2, 2, 2, te=True, per_virtual=1),
    "TP2-EP2-ETP1": Cut(2, 1, 2, whole=True),
    "TP4-EP2-ETP1-grouped": Cut(4, 1, 2, whole=True, grouped=True),
    "TP2-PP2-EP4-ETP1-TE": Cut(2, 2, 4, whole=True, grouped=True, te=True, divisible_by=4),
    "dualpipe-EP2": Cut(2, 2, 2, dualpipe=True, dialect="0.12", noop=(1, 4, 6, 7)),
    "0.12-VPP-noop": Cut(2, 2, 4, per_virtual=1, noop=(0, 5), dialect="0.12", divisible_by=16),
}


LATENT_CUTS = {
    "split": Cut(2, 2, mm_split=True, dialect="0.12"),
    "split-0.8": Cut(mm_split=True),
    "core": Cut(2, 2, 2, dialect="core"),
    "core-split-dualpipe": Cut(2, 2, 2, dialect="core", dualpipe=True, mm_split=True),
}
PREDICTION_CUTS = {
    "plain": Cut(dialect="0.12"),
    "TP2-PP2-EP2": Cut(2, 2, 2, dialect="0.12", divisible_by=4),
    "VPP-ETP1-grouped": Cut(2, 2, 2, per_virtual=1, dialect="0.12", whole=True, grouped=True),
    "dualpipe-split": Cut(1, 2, 2, dualpipe=True, mm_split=True, dialect="0.12"),
    "core": Cut(2, 2, dialect="core"),
    "core-one-stage": Cut(2, dialect="core", grouped=True),
}


def config_of(model: Model) -> dict:
    return {
        "model_type": model.model_type,
        "num_hidden_layers": LAYERS,
        "hidden_size": H,
        "num_attention_heads": HEADS,
        "num_key_value_heads": GROUPS,
        "intermediate_size": FFN,
        "vocab_size": VOCAB,
        "tie_word_embeddings": model.tied,
        **({} if model.mla else {"head_dim": HEAD_DIM}),
        **model.config,
    }


def tensors_of(model: Model, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    found: dict[str, np.ndarray] = {}
    moe_layers = [layer for layer in range(LAYERS + model.mtp) if layer not in model.dense]

    def put(name: str, *shape: int) -> None:
        found[name] = rng.integers(0, 2**16, shape, dtype="<u2")

    put("model.embed_tokens.weight", VOCAB, H)
    for layer in range(LAYERS + model.mtp):
        at = f"model.layers.{layer}."
        put(at + "input_layernorm.weight", H)
        put(at + "post_attention_layernorm.weight", H)
        put_attention(model, at + "self_attn.", put)
        if layer not in moe_layers:
            for name, shape in (("gate", (FFN, H)), ("up", (FFN, H)), ("down", (H, FFN))):
                put(f"{at}mlp.{name}_proj.weight", *shape)
            continue
        put(f"{at}{model.block}.gate.weight", EXPERTS, H)
        if model.router_bias:
            bias = rng.standard_normal(EXPERTS).astype("<f4")
            found[at + "mlp.gate.e_score_correction_bias"] = bias
        shapes = ((MOE_FFN, H), (MOE_FFN, H), (H, MOE_FFN))
        for expert in range(EXPERTS):
            for name, shape in zip(model.parts, shapes, strict=True):
                put(f"{at}{model.block}.experts.{expert}.{name}.weight", *shape)
        if model.shared:
            put(f"{at}mlp.{model.shared}.gate_proj.weight", SHARED_FFN, H)
            put(f"{at}mlp.{model.shared}.up_proj.weight", SHARED_FFN, H)
            put(f"{at}mlp.{model.shared}.down_proj.weight", H, SHARED_FFN)
        if model.shared_gate:
            put(at + "mlp.shared_expert_gate.weight", 1, H)
    put("model.norm.weight", H)
    if not model.tied:
        put("lm_head.weight", VOCAB, H)
    for layer in range(LAYERS, LAYERS + model.mtp):
        at = f"model.layers.{layer}."
        put(at + "enorm.weight", H)
        put(at + "hnorm.weight", H)
        put(at + "eh_proj.weight", H, 2 * H)
        put(at + "shared_head.norm.weight", H)
        found[at + "embed_tokens.weight"] = found["model.embed_tokens.weight"]
        found[at + "shared_head.head.weight"] = found["lm_head.weight"]
    return found


def put_attention(model: Model, at: str, put) -> None:
    if model.mla:
        if model.mla == "full":
            put(at + "q_a_proj.weight", Q_RANK, H)
            put(at + "q_a_layernorm.weight", Q_RANK)
            put(at + "q_b_proj.weight", HEADS * (NOPE + ROPE), Q_RANK)
        else:
            put(at + "q_proj.weight", HEADS * (NOPE + ROPE), H)
        put(at + "kv_a_proj_with_mqa.weight", KV_RANK + ROPE, H)
        put(at + "kv_a_layernorm.weight", KV_RANK)
        put(at + "kv_b_proj.weight", HEADS * (NOPE + V_DIM), KV_RANK)
        put(at + "o_proj.weight", H, HEADS * V_DIM)
        return
    for name, heads in (("q", HEADS), ("k", GROUPS), ("v", GROUPS)):
        put(f"{at}{name}_proj.weight", heads * HEAD_DIM, H)
        if model.bias:
            put(f"{at}{name}_proj.bias", heads * HEAD_DIM)
    put(at + "o_proj.weight", H, HEADS * HEAD_DIM)
    if model.qk_norm:
        put(at + "q_norm.weight", HEAD_DIM)
        put(at + "k_norm.weight", HEAD_DIM)


class Expectation:
    """One rank's tensors."""

    def __init__(self, model: Model, hf: dict[str, np.ndarray], cut: Cut, t: int, e: int) -> None:
        self.model, self.hf, self.cut, self.t, self.e = model, hf, cut, t, e

    def split(self, name: str, axis: int = 0) -> np.ndarray:
        return np.split(self.hf[name], self.cut.tp, axis)[self.t]

    def vocab(self, name: str) -> np.ndarray:
        unit = self.cut.tp * self.cut.divisible_by
        missing = -VOCAB % unit
        rows = np.concatenate([self.hf[name], *[self.hf[name][-1:]] * missing])
        return np.split(rows, self.cut.tp)[self.t]

    def chunk(self, layers: list[tuple[int, int]], first: bool, last: bool) -> dict:
        out = {}
        if first:
            out["embedding.word_embeddings.weight"] = self.vocab("model.embed_tokens.weight")
        for local, layer in layers:
            for name, array in self.layer(f"model.layers.{layer}.", layer).items():
                out[f"decoder.layers.{local}.{name}"] = array
        if last:
            core = self.cut.dialect == "core"
            for k in range(self.model.mtp):
                out |= self.prediction(k, core)
            norm = "final_layernorm.weight"
            norm = norm if self.model.mtp and not core else f"decoder.{norm}"
            out[norm] = self.hf["model.norm.weight"]
            if not self.model.tied:
                out["output_layer.weight"] = self.vocab("lm_head.weight")
            elif self.cut.pp > 1:
                out["output_layer.weight"] = self.vocab("model.embed_tokens.weight")
        return out

    def prediction(self, k: int, core: bool) -> dict:
        at, name = f"model.layers.{LAYERS + k}.", f"mtp.layers.{k}."
        inner = self.layer(at, LAYERS + k)
        out = {f"{name}transformer_layer.{key}": array for key, array in inner.items()}
        out |= {f"{name}{x}norm.weight": self.hf[f"{at}{x}norm.weight"] for x in "eh"}
        out[name + "eh_proj.weight"] = self.split(at + "eh_proj.weight")
        norm = f"{name}final_layernorm.weight" if core else f"mtp.final_layernorms.{k}.weight"
        out[norm] = self.hf[at + "shared_head.norm.weight"]
        if self.cut.pp > 1:
            out["embedding.word_embeddings.weight"] = self.vocab("model.embed_tokens.weight")
        return out

    def layer(self, at: str, layer: int) -> dict:
        te, dense = self.cut.te, layer in self.model.dense
        norm = "self_attention.linear_qkv.layer_norm_weight" if te else "input_layernorm.weight"
        out = {norm: self.hf[at + "input_layernorm.weight"]}
        attention = self.latent(at) if self.model.mla else self.attention(at)
        out |= {f"self_attention.{name}": array for name, array in attention.items()}
        norm = "mlp.linear_fc1.layer_norm_weight" if te and dense else "pre_mlp_layernorm.weight"
        out[norm] = self.hf[at + "post_attention_layernorm.weight"]
        if dense:
            return out | {f"mlp.{k}": v for k, v in self.gated(at + "mlp.").items()}
        return out | {f"mlp.{k}": v for k, v in self.experts(at).items()}

    def gated(self, at: str) -> dict:
        gate, up = self.split(at + "gate_proj.weight"), self.split(at + "up_proj.weight")
        return {
            "linear_fc1.weight": np.concatenate([gate, up]),
            "linear_fc2.weight": self.split(at + "down_proj.weight", 1),
        }

    def attention(self, at: str) -> dict:
        out = {"linear_proj.weight": self.split(at + "self_attn.o_proj.weight", 1)}
        for kind in ("weight", "bias") if self.model.bias else ("weight",):
            by_group = [np.split(self.hf[f"{at}self_attn.{x}_proj.{kind}"], GROUPS) for x in "qkv"]
            rows = np.concatenate([np.concatenate(group) for group in zip(*by_group, strict=True)])
            out[f"linear_qkv.{kind}"] = np.split(rows, self.cut.tp)[self.t]
        if self.model.qk_norm:
            out["q_layernorm.weight"] = self.hf[at + "self_attn.q_norm.weight"]
            out["k_layernorm.weight"] = self.hf[at + "self_attn.k_norm.weight"]
        return out

    def latent(self, at: str) -> dict:
        at += "self_attn."
        newer = self.cut.dialect in ("0.12", "core")
        full = self.model.mla == "full"
        down = "q_a_proj.weight" if full else "q_proj.weight"
        kv_down = self.hf[at + "kv_a_proj_with_mqa.weight"]
        out = {"linear_proj.weight": self.split(at + "o_proj.weight", 1)}
        if self.cut.dialect == "core":
            name = "linear_q_down_proj.weight" if full else "linear_q_proj.weight"
            out[name] = self.split(at + down)
            out["linear_kv_down_proj.weight"] = self.split(at + "kv_a_proj_with_mqa.weight")
        else:
            out["linear_qkv.weight"] = np.concatenate([self.hf[at + down], kv_down])
        up = "linear_kv_up_proj.weight" if newer else "linear_kvb.weight"
        if self.cut.mm_split:
            out |= self.by_head(at + "kv_b_proj.weight", ("kv_nope", NOPE), ("v", V_DIM))
        else:
            out[up] = self.split(at + "kv_b_proj.weight")
        norm = "kv_layernorm.weight" if newer else "k_layernorm.weight"
        out[norm] = self.hf[at + "kv_a_layernorm.weight"]
        if full:
            up = "linear_q_up_proj.weight" if newer else "linear_qb.weight"
            if self.cut.mm_split:
                out |= self.by_head(at + "q_b_proj.weight", ("qk_nope", NOPE), ("qk_rope", ROPE))
            else:
                out[up] = self.split(at + "q_b_proj.weight")
            out["q_layernorm.weight"] = self.hf[at + "q_a_layernorm.weight"]
        return out

    def by_head(self, name: str, first: tuple[str, int], second: tuple[str, int]) -> dict:
        """The rows of each head in two parts, each part's rows of this rank's heads together."""
        heads = self.hf[name].reshape(HEADS, first[1] + second[1], -1)
        halves = heads[:, : first[1]], heads[:, first[1] :]
        return {
            f"linear_{part}.weight": np.split(rows.reshape(HEADS * size, -1), self.cut.tp)[self.t]
            for (part, size), rows in zip((first, second), halves, strict=True)
        }

    def experts(self, at: str) -> dict:
        model, cut = self.model, self.cut
        out = {"router.weight": self.hf[f"{at}{model.block}.gate.weight"]}
        if model.router_bias:
            out["router.expert_bias"] = self.hf[at + "mlp.gate.e_score_correction_bias"]
        owners = np.split(np.arange(EXPERTS), cut.ep * (cut.tp if cut.extend else 1))
        mine = owners[self.e * cut.tp + self.t] if cut.extend else owners[self.e]
        fused, downs = [], []
        for expert in mine:
            names = [f"{at}{model.block}.experts.{expert}.{x}.weight" for x in model.parts]
            read = self.hf.__getitem__ if cut.extend or cut.whole else self.split
            fused.append(np.concatenate([read(names[0]), read(names[1])]))
            uncut = cut.extend or cut.whole
            downs.append(self.hf[names[2]] if uncut else self.split(names[2], 1))
        if cut.grouped and not cut.te:
            flat = np.concatenate([matrix.T.ravel() for matrix in fused])
            out["experts.weight1"] = flat.reshape(H, -1)
            out["experts.weight2"] = np.concatenate([matrix.T for matrix in downs])
        for k in range(len(mine)) if cut.te or not cut.grouped else ():
            pattern = "experts.linear_{}.weight{}" if cut.grouped else (
                "experts.local_experts.{1}.linear_{0}.weight"
            )  # fmt: skip
            out[pattern.format("fc1", k)] = fused[k]
            out[pattern.format("fc2", k)] = downs[k]
        if model.shared:
            shared = self.gated(f"{at}mlp.{model.shared}.")
            out |= {f"shared_experts.{name}": array for name, array in shared.items()}
        if model.shared_gate:
            newer = cut.dialect in ("0.12", "core")
            name = "shared_experts.gate_weight" if newer else "shared_expert_gate.weight"
            out[name] = self.hf[at + "mlp.shared_expert_gate.weight"]
        return out
