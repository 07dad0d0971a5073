"""Texts on checkpoints that are loaded, saved and resumed. Ids: R10-, R12-path."""

from mindspeed_rl_ext.doctor.texts.text import Text

TEXTS = {
    "R10-same": Text(
        "warning",
        "load and save are both {path} with finetune: true: the first save replaces what a restart "
        "would start from, and the reference model would be the trained one",
        "save elsewhere",
        "finetune: true 而 load 与 save 都是 {path}：第一次保存就会替换重启时要加载的权重，"
        "参考模型也会变成训练过的",
        "save 换一个目录",
    ),
    "R10-partial": Text(
        "error",
        "only part of a resume: {given} as for a resume, but {missing}",
        "`msrl-ext resume-config IN -o OUT` writes all of them",
        "续训只配了一半：{given} 已按续训设置，但 {missing}",
        "`msrl-ext resume-config 输入 -o 输出` 会全部写好",
    ),
    "R10-neither": Text(
        "warning",
        "finetune is false, with nothing else of a resume: the iteration and the consumed samples "
        "of the loaded checkpoint are taken over, its optimizer is not",
        "finetune: true for a first run; `msrl-ext resume-config IN -o OUT` for a resume",
        "finetune 为 false，其余续训项都没有：会沿用所加载检查点的迭代数和已用样本数，"
        "但不加载优化器",
        "首次训练 finetune: true；续训用 `msrl-ext resume-config 输入 -o 输出`",
    ),
    "R10-no-state": Text(
        "error",
        "a resume loads what {key} kept from being saved",
        "a run that is to be resumed saves optimizer and rng: remove {key}",
        "续训要加载的内容被 {key} 关掉了保存",
        "需要续训的训练要保存优化器和随机数状态：去掉 {key}",
    ),
    "R10-reference": Text(
        "error",
        "ref_model_load_path is the checkpoint that is resumed: the reference would be the trained "
        "model and the KL 0 at its start",
        "ref_model_load_path: the weights that the first run started from",
        "ref_model_load_path 就是要续训的检查点：参考模型成了训练后的模型，KL 从 0 开始",
        "ref_model_load_path 填首次训练所用的原始权重",
    ),
    "R10-resume": Text("ok", "a resume, all five keys are set", "", "续训，五个键齐全", ""),
    "R12-path": Text(
        "warning",
        "{path} is not there on this machine",
        "mend the path; on a cluster every node must have it at the same place",
        "本机没有 {path}",
        "改正路径；集群上每个节点都要在同一位置有它",
    ),
}
