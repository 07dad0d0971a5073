"""Texts on a model's YAML beside its config.json. Ids: R7-, I1."""

from mindspeed_rl_ext.doctor.texts.text import Text

TEXTS = {
    "R7-differs": Text(
        "error",
        "{key} is {ours}, config.json has {theirs} ({hf_key})",
        "{key}: {theirs}",
        "{key} 是 {ours}，config.json 里是 {theirs}（{hf_key}）",
        "{key}: {theirs}",
    ),
    "R7-rope": Text(
        "error",
        "rotary_base is {ours}, config.json has {theirs} ({hf_key}): checkpoints carry no rotary "
        "base, so the model loads without an error and answers wrongly",
        "rotary_base: {theirs}",
        "rotary_base 是 {ours}，config.json 里是 {theirs}（{hf_key}）：检查点不含 rotary base，"
        "模型能正常加载，但回答是错的",
        "rotary_base: {theirs}",
    ),
    "R7-positions": Text(
        "warning",
        "max_position_embeddings is {ours}, config.json has {theirs}",
        "max_position_embeddings: {theirs}",
        "max_position_embeddings 是 {ours}，config.json 里是 {theirs}",
        "max_position_embeddings: {theirs}",
    ),
    "R7-epsilon": Text(
        "warning",
        "norm_epsilon is {ours}{default}, config.json has {theirs} ({hf_key}): training and "
        "rollout "
        "compute slightly different models",
        "norm_epsilon: {theirs}",
        "norm_epsilon 是 {ours}{default_zh}，config.json 里是 {theirs}（{hf_key}）："
        "训练与推理算的不是同一个模型",
        "norm_epsilon: {theirs}",
    ),
    "R7-vocab": Text(
        "error",
        "padded_vocab_size {ours} cannot hold vocab_size {theirs}",
        "padded_vocab_size: {padded}, as in the conversion",
        "padded_vocab_size {ours} 装不下 vocab_size {theirs}",
        "padded_vocab_size: {padded}，与转换时一致",
    ),
    "R7-vocab-padding": Text(
        "warning",
        "padded_vocab_size {ours} differs from vocab_size {theirs}: the checkpoint must have been "
        "converted with the same number",
        "convert with --padded-vocab-size {ours}, or write {theirs}",
        "padded_vocab_size {ours} 与 vocab_size {theirs} 不同：转换检查点时必须用同一个数",
        "转换时加 --padded-vocab-size {ours}，或改为 {theirs}",
    ),
    "R7-no-sizes": Text(
        "note",
        "config.json of {model_type} was not compared: the model's YAML has no sizes",
        "",
        "没有与 {model_type} 的 config.json 比较：模型 YAML 里没有尺寸",
        "",
    ),
    "R7-same": Text(
        "ok",
        "the model's YAML agrees with config.json in {count} values",
        "",
        "模型 YAML 与 config.json 的 {count} 个值一致",
        "",
    ),
    "I1": Text(
        "error",
        "{path} is {model}, which has rotary base {rope} and {positions} positions; the "
        "model's YAML "
        "has {ours_rope} and {ours_positions}: checkpoints carry no rotary base, so it loads "
        "without "
        "an error and answers wrongly",
        "take a model file with rotary_base {rope}, such as ours: model: {remedy}",
        "{path} 是 {model}，rotary base 为 {rope}、位置数 {positions}；模型 YAML 里是 "
        "{ours_rope} 与 "
        "{ours_positions}：检查点不含 rotary base，能正常加载，但回答是错的",
        "换用 rotary_base 为 {rope} 的模型文件，例如我们的 model: {remedy}",
    ),
}
