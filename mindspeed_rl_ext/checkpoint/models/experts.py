"""The table's rows of a mixture of experts: norm, router, routed and shared experts.

Covers: the names under which families store the same tensors.
Does not cover: which expert lies on which rank; `layout` says.
"""

from __future__ import annotations

from mindspeed_rl_ext.checkpoint.mapping.rules.grouped import grouped_down, grouped_gate_up
from mindspeed_rl_ext.checkpoint.mapping.spec import MOE, Hf, Row
from mindspeed_rl_ext.checkpoint.models.dense import HF, MCORE


def routed(block: str = "mlp", gate: str = "gate_proj", up: str = "up_proj", down: str = "down_proj"
) -> tuple[Row, ...]:  # fmt: skip
    """Norm, router and routed experts; the arguments are the family's names of modules."""
    expert = HF + f"{block}.experts.{{expert}}."
    return (
        Row(
            MCORE + "pre_mlp_layernorm.weight",
            (Hf(HF + "post_attention_layernorm.weight", ("hidden",)),),
            "replicate",
            mlp=MOE,
        ),
        Row(
            MCORE + "mlp.router.weight",
            (Hf(HF + f"{block}.gate.weight", ("experts", "hidden")),),
            "replicate",
            mlp=MOE,
        ),
        Row(
            MCORE + "mlp.experts.local_experts.{expert}.linear_fc1.weight",
            (
                Hf(expert + f"{gate}.weight", ("moe_ffn", "hidden")),
                Hf(expert + f"{up}.weight", ("moe_ffn", "hidden")),
            ),
            "gate_up",
            mlp=MOE,
            grouped=MCORE + "mlp.experts.weight1",
            grouped_te=MCORE + "mlp.experts.linear_fc1.weight{expert}",
            grouped_rule=grouped_gate_up.__name__,
        ),
        Row(
            MCORE + "mlp.experts.local_experts.{expert}.linear_fc2.weight",
            (Hf(expert + f"{down}.weight", ("hidden", "moe_ffn")),),
            "columns",
            mlp=MOE,
            grouped=MCORE + "mlp.experts.weight2",
            grouped_te=MCORE + "mlp.experts.linear_fc2.weight{expert}",
            grouped_rule=grouped_down.__name__,
        ),
    )


ROUTER_BIAS_ROWS = (
    Row(
        MCORE + "mlp.router.expert_bias",
        (Hf(HF + "mlp.gate.e_score_correction_bias", ("experts",)),),
        "replicate",
        mlp=MOE,
        keep_dtype=True,
    ),
)


def shared(module: str) -> tuple[Row, ...]:
    """The shared experts, which every token passes; TP cuts them like a dense MLP."""
    at = HF + f"mlp.{module}."
    return (
        Row(
            MCORE + "mlp.shared_experts.linear_fc1.weight",
            (
                Hf(at + "gate_proj.weight", ("shared_ffn", "hidden")),
                Hf(at + "up_proj.weight", ("shared_ffn", "hidden")),
            ),
            "gate_up",
            option="shared_experts",
            mlp=MOE,
        ),
        Row(
            MCORE + "mlp.shared_experts.linear_fc2.weight",
            (Hf(at + "down_proj.weight", ("hidden", "shared_ffn")),),
            "columns",
            option="shared_experts",
            mlp=MOE,
        ),
    )
