"""Texts on verifiers, labels and what data asks for. Ids: R9-, R15-, S0-5, S0-19, S4-2, V-."""

from mindspeed_rl_ext.doctor.texts.text import Text

TEXTS = {
    "R9-unknown": Text(
        "error",
        "unknown verifier {name}: the host alone would score it 0 without a word, with the plugin "
        "it raises",
        "{nearest}",
        "未知的 verifier {name}：宿主自己会悄悄记 0 分，装了插件则报错",
        "{nearest}",
    ),
    "R9-spec": Text(
        "error",
        "verifier {name} cannot be read: {why}",
        "write name or name(key=value); `msrl-ext score --help` lists the names",
        "verifier {name} 无法解析：{why}",
        "写成 名字 或 名字(键=值)；`msrl-ext score --help` 列出全部名字",
    ),
    "R9-weights": Text(
        "error",
        "verifier_function has {names} names, verifier_weight {weights} weights",
        "one weight for each name",
        "verifier_function 有 {names} 个名字，verifier_weight 有 {weights} 个权重",
        "每个名字一个权重",
    ),
    "R9-none": Text(
        "error",
        "rule_reward is on, but verifier_function is empty: every reward is 0",
        "name a verifier",
        "rule_reward 打开而 verifier_function 为空：所有奖励都是 0",
        "至少写一个 verifier",
    ),
    "R9-reads": Text(
        "error",
        "verifier {name} looks for {missing}, which prompts of {source} do not ask for: it scores "
        "nearly every response wrong",
        "{advice}",
        "verifier {name} 要找 {missing_zh}，而 {source} 的提示不要求它：几乎所有回答都会判错",
        "{advice_zh}",
    ),
    "R9-other-data": Text(
        "warning",
        "verifier {name} belongs to {belongs}, the data are {data}: the host's guide pairs each "
        "data set with its own",
        "{advice}",
        "verifier {name} 配套的数据是 {belongs}，这里的数据是 {data}：宿主文档要求配套使用",
        "{advice_zh}",
    ),
    "S0-19": Text(
        "error",
        "verifier {name} wants <think> and <answer> tags, prompt type {prompt_type} asks for a box "
        "only: it never pays",
        "use simplerl, which reads the box, or the prompt type qwen_r1",
        "verifier {name} 要求 <think>、<answer> 标签，而 prompt type {prompt_type} 只要求 boxed："
        "永远拿不到分",
        "改用读取 boxed 的 simplerl，或 prompt type 用 qwen_r1",
    ),
    "S4-2": Text(
        "warning",
        "the base model {model} can hardly be brought to write tags, which {name} wants (note on "
        "R1-Zero)",
        "take Qwen2.5-7B-Instruct for tags, or simplerl, which wants a box only",
        "基座模型 {model} 很难被引导写出 {name} 要求的标签（见 R1-Zero 笔记）",
        "要标签就用 Qwen2.5-7B-Instruct；否则用只看 boxed 的 simplerl",
    ),
    "S0-5": Text(
        "warning",
        "{model} is an instruct model: with SimpleRL-Zero's recipe its responses do not grow "
        "longer (SimpleRL note)",
        "start from the base model Qwen2.5-Math-7B",
        "{model} 是 instruct 模型：SimpleRL-Zero 配方下 response length 不会增长（见 "
        "SimpleRL 笔记）",
        "从基座模型 Qwen2.5-Math-7B 开始",
    ),
    "R15": Text(
        "error",
        "dataset_additional_keys has no labels: verifiers get no reference answer, and with a "
        "seq_length below the prompt's length the reader returns empty prompts, both without an "
        "error",
        "dataset_additional_keys: [labels]",
        "dataset_additional_keys 里没有 labels：verifier 拿不到参考答案；seq_length 小于提示长度时"
        "读出的 input_ids 长度为 0，且都不报错",
        "dataset_additional_keys: [labels]",
    ),
    "R15-key": Text(
        "error",
        "verifier {name} needs the column {need}, which dataset_additional_keys does not load",
        "add it to dataset_additional_keys, here and where the data are preprocessed",
        "verifier {name} 需要列 {need}，而 dataset_additional_keys 没有加载它",
        "在这里和数据预处理里都加入 dataset_additional_keys",
    ),
    "R9-multimodal": Text(
        "warning",
        "is_multimodal is on: such runs do not go through verifier(), names in verifier_function "
        "have no effect",
        "score multimodal runs by the host's own rewards",
        "is_multimodal 打开：多模态训练不经过 verifier()，verifier_function 的名字不起作用",
        "多模态训练请用宿主自己的奖励",
    ),
    "R9-multimodal-ours": Text(
        "error",
        "is_multimodal is on, and {name} is a verifier of ours: it is never called",
        "score multimodal runs by the host's own rewards",
        "is_multimodal 打开，而 {name} 是我们的 verifier：它永远不会被调用",
        "多模态训练请用宿主自己的奖励",
    ),
    "V-replace": Text(
        "note",
        "verifier {name} is the host's: {does}; ours: {ours}",
        "",
        "verifier {name} 是宿主的：{does_zh}；我们的对应：{ours}",
        "",
    ),
    "V-ours": Text(
        "ok",
        "verifiers of ours: {names}",
        "",
        "我们的 verifier：{names}",
        "",
    ),
}
