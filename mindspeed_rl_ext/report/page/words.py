"""The report's own words, in English and Chinese.

Covers: headings, labels, notes.
Does not cover: what rules say; `diagnosis.texts` does.
"""

from __future__ import annotations

from collections.abc import Mapping

from mindspeed_rl_ext.core.language import Language, Text
from mindspeed_rl_ext.report.series import Panel

_WORDS: Mapping[str, tuple[str, str]] = {
    # curves
    "reward": ("Reward", "奖励"),
    "by_verifier": ("Score by verifier", "各打分器得分"),
    "classes": ("Three classes of responses", "回复的三种类别"),
    "length": ("Response length", "回复长度"),
    "entropy": ("Entropy", "熵"),
    "zero_std": ("Groups of equal rewards", "组内奖励全相同的比例"),
    "reward_hacks": (
        "Signs of reward hacking, share of responses",
        "钻奖励空子的迹象（占回复比例）",
    ),
    "grad_norm": ("Gradient norm", "梯度范数"),
    "throughput": ("Throughput", "吞吐"),
    "timing": ("Time per step", "每步时间"),
    "drift": ("Drift of the policy", "策略漂移"),
    "evaluation": ("Evaluation", "评测"),
    "learning_rate": ("Learning rate", "学习率"),
    "loss": ("Loss", "损失"),
    "unit_tokens": ("tokens", "token"),
    "unit_nats": ("nats per token", "nat/token"),
    "unit_share": ("share", "占比"),
    "unit_speed": ("tokens per second and device", "token/秒/设备"),
    "unit_seconds": ("seconds", "秒"),
    "raw_and_mean": ("pale: each step, strong: running mean", "浅色：每步的值，深色：滑动平均"),
    "last_step": ("last step", "最后一步"),
    "raw_values": ("values of each step", "每步的值"),
    "zero_curves": ("Curves that are 0 throughout", "始终为 0 的曲线"),
    "scroll": ("scroll the table sideways →", "表格可左右滑动 →"),
    "band": ("shaded: min to max", "阴影：最小到最大"),
    "not_logged": ("not logged (constant 0)", "未记录（恒为 0）"),
    "never_finite": (
        "never finite: NaN or infinite at every step",
        "从未有限：每步都是 NaN 或无穷",
    ),
    "right": ("format and answer right", "格式与答案都对"),
    "wrong": ("format right, answer wrong", "格式对，答案错"),
    "neither": ("neither", "都不对"),
    "unscored": ("not scored", "未打分"),
    # headings
    "title": ("Run {name}", "训练 {name}"),
    "results": ("Results", "结果"),
    "diagnosis": ("Diagnosis", "诊断"),
    "curves": ("Curves", "曲线"),
    "speed": ("Throughput and timing", "吞吐与时间"),
    "rollouts": ("Rollouts", "回复"),
    "metrics": ("All metrics", "全部指标"),
    "files": ("What was read", "读取的文件"),
    # diagnosis
    "error": ("broken", "已损坏"),
    "warning": ("warning", "警告"),
    "note": ("note", "提示"),
    "causes": ("Likely causes", "可能的原因"),
    "try": ("What to try", "可以尝试"),
    "healthy": ("No rule found anything wrong.", "没有规则发现问题。"),
    "checked": ("{number} of {all} rules could be checked.", "{all} 条规则中可检查 {number} 条。"),
    "clear": ("{number} other rules found nothing.", "其余 {number} 条规则没有发现问题。"),
    "unchecked": ("Could not be checked", "无法检查"),
    "lacks": ("the log lacks {what}", "日志缺少 {what}"),
    # tiles
    "steps": ("steps", "步数"),
    "tokens": ("tokens", "token"),
    "a_step": ("seconds per step", "每步秒数"),
    "from_to": ("{start} → {end}", "{start} → {end}"),
    "best_at": ("{value} (step {step})", "{value}（第 {step} 步）"),
    "runs": ("Runs", "训练"),
    "findings": ("findings", "诊断结果数"),
    "best": ("best {value} at step {step}", "最高 {value}，第 {step} 步"),
    "start_end": ("start → end", "开头 → 结尾"),
    # tables
    "metric": ("metric", "指标"),
    "value": ("value", "值"),
    "result": ("result", "结果"),
    "first": ("first", "首值"),
    "last": ("last", "末值"),
    "lowest": ("lowest", "最低"),
    "highest": ("highest", "最高"),
    "at_step": ("at step", "步"),
    "not_finite": ("not finite", "非有限"),
    "logged": ("logged", "日志"),
    "by_mean": ("by mean lengths", "按平均长度"),
    "by_max": ("by max lengths", "按最大长度"),
    "agrees": ("the log agrees with", "日志符合"),
    "mean": ("mean", "平均"),
    "max": ("max", "最大"),
    "off": (
        "neither: {wrong} of {all} steps off by > 1 %",
        "都不符：{all} 步中 {wrong} 步相差 > 1 %",
    ),
    "per_card": ("a card (A3: x 2)", "每卡（A3：×2）"),
    "medians": (
        "Medians over the steps, in tokens per second and device.",
        "各步的中位数，单位 token/秒/设备。",
    ),
    "sizes_missing": (
        "Cannot be computed again: neither the log nor a flag gives {what}.",
        "无法重新计算：日志与参数都没有给出 {what}。",
    ),
    "inequality": (
        "timing/all is at least the sum of its parts at {ok} of {all} steps; median slack "
        "{slack} s ({share}).",
        "{all} 步中有 {ok} 步 timing/all 不小于各部分之和；余量中位数 {slack} 秒（{share}）。",
    ),
    "parts_missing": ("Not logged, counted as 0: {what}.", "未记录、按 0 计：{what}。"),
    "reference": (
        "Beside the guide of MindSpeed-RL (its figures, not ours; a card)",
        "与 MindSpeed-RL 指南对照（对方的数字，非本项目实测；每卡）",
    ),
    "model": ("model", "模型"),
    "machine": ("machine", "机器"),
    "setting": ("batch x samples, lengths", "批大小 × 采样数，长度"),
    "guide": ("guide", "指南"),
    "this_run": ("this run's e2e_tps", "本次训练 e2e_tps"),
    "seconds": ("seconds", "秒"),
    "share_of_all": ("of timing/all", "占 timing/all"),
    "hidden_outcomes": (
        "{number} outcomes that never occurred are left out.",
        "{number} 种从未出现的结论未列出。",
    ),
    # rollouts
    "search": ("search text", "搜索文本"),
    "all_steps": ("all steps", "全部步"),
    "all_verifiers": ("all verifiers", "全部打分器"),
    "all_outcomes": ("all outcomes", "全部结论"),
    "all_classes": ("all classes", "全部类别"),
    "step": ("step", "步"),
    "prompt": ("prompt", "提示"),
    "response": ("response", "回复"),
    "answer": ("reference answer", "参考答案"),
    "more": ("show more", "显示更多"),
    "shown": ("{shown} of {all}", "{shown} / {all}"),
    "none_match": ("No rollout matches.", "没有符合的回复。"),
    "sampled": (
        "{shown} of {all} rollouts are in this page, spread over the steps; the rest is in {file}.",
        "本页含 {all} 条回复中的 {shown} 条，均匀取自各步；其余见 {file}。",
    ),
    "more_chars": ("[{number} more characters]", "［另有 {number} 个字符］"),
    "no_script": (
        "The rollouts can be browsed where scripts are allowed.",
        "允许脚本运行时可以浏览回复。",
    ),
    "theme": ("light or dark", "浅色或深色"),
    # files
    "lines_broken": (
        "{file}: {count} lines could not be read and were skipped ({examples})",
        "{file}：{count} 行无法读取，已跳过（{examples}）",
    ),
    "read_as": ("{file} ({kind}, {rows} rows)", "{file}（{kind}，{rows} 行）"),
    "also_there": ("also there, not read: {files}", "另有未读取的：{files}"),
    "numbered": (
        "{file} names no steps: its logs are numbered in their order",
        "{file} 没有写明步数：按出现顺序编号",
    ),
    "repeated": (
        "{count} steps were logged again after a restart: the later values count",
        "重启后有 {count} 步被重新记录：以后写的值为准",
    ),
    "stale": (
        "steps {first} to {last} are of the attempt before the last restart",
        "第 {first} 到 {last} 步来自最后一次重启之前",
    ),
    "unordered": (
        "lines were out of order and were sorted by step",
        "行的顺序与步数不符，已按步排序",
    ),
    "from_rollouts": (
        "no metrics were found: these are computed from the rollouts",
        "没有找到指标：由回复计算得出",
    ),
    "padding": (
        "{count} padding rows: verl put them in the place of rows whose reward failed",
        "{count} 行填充：奖励计算失败的行被 verl 换成了空行",
    ),
    "no_png": (
        "curves.png was not drawn: matplotlib is not installed "
        '(pip install "mindspeed-rl-ext[report]")',
        '没有绘制 curves.png：未安装 matplotlib（pip install "mindspeed-rl-ext[report]"）',
    ),
}


class Words:
    """Words of one language.

    Args:
        language: "en" or "zh".

    Example:
        >>> Words("en")("read_as", file="a.log", kind="console log", rows=3)
        'a.log (console log, 3 rows)'
    """

    def __init__(self, language: Language) -> None:
        self.language = language

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key, with values filled in."""
        text = Text(*_WORDS[key]).in_language(self.language)
        return text.format(**values) if values else text

    def heading(self, panel: Panel) -> str:
        """The heading of a plot."""
        return self(panel.key) + (f": {panel.label}" if panel.label else "")

    def table(self, *keys: str) -> dict[str, str]:
        """Several texts by key."""
        return {key: self(key) for key in keys}
