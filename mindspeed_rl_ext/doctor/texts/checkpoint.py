"""Texts on a converted checkpoint. Ids: R8-."""

from mindspeed_rl_ext.doctor.texts.text import Text

TEXTS = {
    "R8-layout": Text(
        "error",
        "the checkpoint is cut {theirs}, {role} asks for {ours}",
        "convert again with {flags}, or reshard with msrl-ext convert (mg to mg)",
        "检查点的切分是 {theirs}，{role} 要的是 {ours}",
        "用 {flags} 重新转换，或用 msrl-ext convert 重新切分（mg 到 mg）",
    ),
    "R8-layout-same": Text(
        "ok",
        "the checkpoint's cut is that of {role}: {ours}",
        "",
        "检查点切分与 {role} 一致：{ours}",
        "",
    ),
    "R8-config": Text(
        "error",
        "the checkpoint was made from another config.json than that of {model}",
        "give the directory that was converted, or convert again",
        "检查点所用的 config.json 与 {model} 的不同",
        "给出转换时的模型目录，或重新转换",
    ),
    "R8-tokenizer": Text(
        "error",
        "{files} of {model} differ from those of the model that was converted",
        "use the tokenizer of the model that was converted",
        "{model} 的 {files} 与转换时的模型不同",
        "使用转换时那个模型的 tokenizer",
    ),
    "R8-same": Text(
        "ok",
        "config.json and tokenizer are those of the conversion",
        "",
        "config.json 与 tokenizer 就是转换时的",
        "",
    ),
    "R8-no-manifest": Text(
        "note",
        "there is no manifest.json: it was not made by msrl-ext convert, so only its cut is "
        "checked",
        "",
        "没有 manifest.json：不是 msrl-ext convert 的产物，只检查切分",
        "",
    ),
    "R8-expert-cut": Text(
        "error",
        "the checkpoint's experts are {theirs} --moe-tp-extend-ep, the YAML has moe_tp_extend_ep "
        "{ours}",
        "convert again {remedy} --moe-tp-extend-ep",
        "检查点的专家切分{theirs_zh} --moe-tp-extend-ep，YAML 里 moe_tp_extend_ep 为 {ours}",
        "{remedy_zh} --moe-tp-extend-ep 重新转换",
    ),
    "R8-incomplete": Text(
        "error",
        "{missing} of {count} rank directories are missing, the first is {first}",
        "copy the checkpoint again, or finish it with msrl-ext convert --resume",
        "{count} 个 rank 目录缺了 {missing} 个，第一个是 {first}",
        "重新拷贝检查点，或用 msrl-ext convert --resume 补完",
    ),
}
