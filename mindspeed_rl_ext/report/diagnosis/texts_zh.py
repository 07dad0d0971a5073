"""The rules in Chinese."""

CHINESE = {
    "not_finite": {
        "title": "出现 NaN 或无穷大",
        "evidence": "{metric} 在 {of} 个记录步中有 {count} 步不是有限值，最早在第 {step} 步。",
        "causes": "学习率过大\n损失在 bf16 下溢出\n某条回复没有 token，均值为 0/0",
        "try": "回到该步之前的检查点，降低学习率\n梯度范数裁剪到 1.0\n用 fp32 计算 log-prob 和损失",
    },
    "entropy_up_reward_gone": {
        "title": "崩溃：熵突增，奖励跌到最低",
        "evidence": "熵从每 token {entropy_before:.3g} 升到 {entropy_peak:.3g} nat"
        "（第 {jump_step} 步过半）；奖励从 {reward_best:.3g} 跌到 {reward_end:.3g}"
        "（第 {last_step} 步）。",
        "causes": "学习率过大\n一次采样更新次数过多，或裁剪范围过宽\n"
        "模型偏弱，在它守不住的模板里靠蒙对拿到了奖励",
        "try": "回到突增之前的检查点，学习率除以 5 到 10\n"
        "减少每次采样的更新次数，clip 取 0.1 或更小，加上对初始模型的 KL\n"
        "先做 SFT 热身，或只要求 \\boxed{}，不要求 think/answer 标签",
    },
    "entropy_jump": {
        "title": "熵突增而奖励没有上升",
        "evidence": "熵从每 token {entropy_before:.3g} 到 {entropy_end:.3g} nat（第 {jump_step} "
        "步过半）；奖励 {reward_start:.3g} 到 {reward_end:.3g}。",
        "causes": "学习率已到模型承受的边缘\n熵奖励系数过大",
        "try": "观察之后几步：若奖励下跌，退回并降低学习率\n减小熵系数",
    },
    "entropy_down_no_signal": {
        "title": "崩溃：熵耗尽，多数组内奖励全相同",
        "evidence": "熵从每 token {entropy_start:.3g} 降到 {entropy_end:.3g} nat；组内奖励全相同的"
        "组从 {zero_start:.0%} 升到 {zero_end:.0%}，而奖励只有 {reward_end:.3g}。",
        "causes": "对这个检查点来说学习率过大\n热身不足，无法探索\n不同的题目太少",
        "try": "降低学习率：除以 3 到 10\n"
        "clip-higher（0.28）、更高的温度，或少量熵奖励\n动态采样，不计没有信号的组",
    },
    "few_groups_with_signal": {
        "title": "多数组没有学习信号",
        "evidence": "{zero_end:.0%} 的组（开始时 {zero_start:.0%}）组内奖励全相同；"
        "平均奖励 {reward_end:.3g}。",
        "causes": "题目对当前策略太易或太难\n每题采样数太少",
        "try": "动态采样：全对或全错的组重新抽取\n选策略正确率在 20 % 到 80 % 的题\n增加每题采样数",
    },
    "reward_hacks": {
        "title": "回复在钻奖励的空子",
        "evidence": "第 {first_step} 到 {last_step} 步的回复中：{details}。",
        "causes": "打分器给（或曾经给）复述题目的表达式、同时写多个答案、或常常碰对的猜测计分\n"
        "思考部分里的 boxed 也被当作答案",
        "try": "在下方的回复浏览器里读几条\n"
        "把题目（prompt）交给打分器：复述题目会判为 RESTATED，不计分\n"
        "改用只读答案块、或拒绝多个答案的打分器\n"
        "使用答案各不相同的题目",
    },
    "template_echo": {
        "title": "回复照抄模板",
        "evidence": "第 {first_step} 到 {last_step} 步的 {probed} 条回复中有 {share:.0%} "
        "照抄提示里的示例或大半提示，例如：{example}",
        "causes": "格式有奖励，而提示里的示例正好合乎格式\n模型能力不足",
        "try": "提示里不放字面示例\n在准确率之外加上 strict_tags 与 template_copy 打分器\n"
        "只要求 \\boxed{} 的提示",
    },
    "one_fixed_answer": {
        "title": "不同题目得到同一个固定回复",
        "evidence": "第 {first_step} 到 {last_step} 步的回复中有 {share:.0%} 是同一条回复，"
        "给了多道题（互不相同的回复占 {unique:.0%}）：{example}",
        "causes": "格式奖励高于答案奖励\n探索已经耗尽",
        "try": "降低格式的权重\n更高的温度、clip-higher、KL\n回到回复更多样的检查点",
    },
    "drawdown": {
        "title": "奖励从峰值回落",
        "evidence": "第 {peak_step} 步附近为 {reward_peak:.3g}，第 {last_step} 步为 "
        "{reward_end:.3g}。",
        "causes": "策略离取得峰值时的策略太远\n长训练下学习率或裁剪范围过大",
        "try": "使用峰值处的检查点\n学习率衰减，clip 取 0.1 或更小\n加上对初始模型的 KL",
    },
    "reward_up_format_down": {
        "title": "奖励上升而格式变差",
        "evidence": "奖励 {reward_start:.3g} 到 {reward_end:.3g}，{metric} {format_start:.3g} 到 "
        "{format_end:.3g}。",
        "causes": "准确率打分器给格式之外的答案付了奖励\n格式权重太小",
        "try": "用先看格式的打分器，如 simplerl 或 strict_tags\n加大格式的权重",
    },
    "flat_reward": {
        "title": "奖励没有变化",
        "evidence": "{steps} 步中开头 {reward_start:.3g}，结尾 {reward_end:.3g}，噪声 "
        "{noise:.2g}。",
        "causes": "打分器与数据或提示不匹配：所有回复得分相同\n标签为空，或不是打分器所读的内容\n"
        "学习率过小，或 actor 权重没有更新",
        "try": "对保存的回复运行 msrl-ext score：得到什么结论，为什么\n"
        "msrl-ext doctor --data PREFIX --config YAML：检查标签、打分器与模板\n"
        "看组内奖励全相同的比例：没有差异就没有梯度",
    },
    "length_clipped": {
        "title": "回复被截断在最大长度",
        "evidence": "被截断：{details}；最长回复 {limit} 个 token。",
        "causes": "max_tokens 小于任务所需的思考长度\n没有输出结束符：模板或停止符不对",
        "try": "加大 max_tokens，或用带软上限的 overlong 打分器\n"
        "在回复里看被截断的是否在重复\n截断的回复不计入损失",
    },
    "length_flat": {
        "title": "长度与奖励都没有增长",
        "evidence": "{steps} 步中平均长度 {length_start:.4g} 到 {length_end:.4g} 个 token。",
        "causes": "什么都没有学到：见“奖励没有变化”\n使用了 instruct 模型，据报告其回复不会变长",
        "try": "从 base 模型开始\n先修好奖励",
    },
    "too_many_updates": {
        "title": "一次采样上策略移动过远",
        "evidence": "按日志与给定的大小：{details}。",
        "causes": "每次采样更新次数过多（global batch x 采样数 / mini batch x epoch）\n"
        "裁剪范围过宽，学习率过大",
        "try": "mini batch 与一次采样一样大，只用一个 epoch\nclip 取 0.1 或更小",
    },
    "verdicts_fail": {
        "title": "没有得出结论的判定",
        "evidence": "最后三分之一的步中：{details}。",
        "causes": "打分器读不懂参考答案\n答案比较耗时过长\n自己的打分器有错误",
        "try": "看回复列表中的原因\n对参考答案本身运行 msrl-ext score，去掉读不懂的行",
    },
    "entropy_not_logged": {
        "title": "熵没有记录",
        "evidence": "actor/entropy 在全部 {steps} 步恰为 0：entropy_coeff 为 0 时 MindSpeed-RL "
        "不计算熵。",
        "causes": "YAML 中 entropy_coeff: 0",
        "try": "想看熵就设 entropy_coeff: 1e-8：没有熵很难判断崩溃",
    },
    "throughput_mismatch": {
        "title": "日志中的吞吐与公式不符",
        "evidence": "用平均长度与最大长度都相差 1 % 以上：{details}。",
        "causes": "动态采样，会计入重新抽取的批次\n卡数或批大小不是这次训练的",
        "try": "给出这次训练的 --global-batch-size、--n-samples-per-prompt、--world-size",
    },
    "times_do_not_add_up": {
        "title": "一步的总时间短于各部分之和",
        "evidence": "{steps} 步中有 {violated} 步 timing/all 小于各部分之和；第 {worst_step} 步差 "
        "{worst_s:.3g} 秒。",
        "causes": "阶段之间有重叠：异步或部分 rollout\n某一部分在别的进程上计时",
        "try": "各部分并非依次进行，按各自的含义来看",
    },
}
