"""Texts on dataset YAMLs. Ids: S0-14, S0-16, D-, I5."""

from mindspeed_rl_ext.doctor.texts.text import Text

TEXTS = {
    "S0-14": Text(
        "error",
        "the column {column} has a chat template applied already ({seen}): the prompt would get a "
        "second system block",
        "map the raw question: {remedy}",
        "列 {column} 已经套过对话模板（{seen}）：提示里会有两段 system",
        "映射原始题目列：{remedy}",
    ),
    "S0-16": Text(
        "error",
        "{handler} puts the response behind the prompt into input_ids: the rollout sees the answer",
        "handler_name: AlpacaStylePromptOnlyHandler (R1AlpacaStyleInstructionHandler in the host)",
        "{handler} 会把 response 接在提示后面放进 input_ids：采样时能看到答案",
        "handler_name: AlpacaStylePromptOnlyHandler（宿主的是 R1AlpacaStyleInstructionHandler）",
    ),
    "I5": Text(
        "error",
        "the file has no column {column}, which map_keys takes as {role}",
        "{nearest}",
        "文件没有列 {column}（map_keys 里的 {role}）",
        "{nearest}",
    ),
    "D-query": Text(
        "warning",
        'map_keys has no "query": the host then looks for a column input and stops with a KeyError',
        'add "query": ""',
        'map_keys 没有 "query"：宿主会去找 input 列并报 KeyError',
        '加上 "query": ""',
    ),
    "D-labels": Text(
        "warning",
        "dataset_additional_keys has no labels: the packed files carry no reference answer",
        "dataset_additional_keys: [labels]",
        "dataset_additional_keys 没有 labels：打包文件里没有参考答案",
        "dataset_additional_keys: [labels]",
    ),
    "D-response": Text(
        "error",
        "map_keys names no response, but labels are asked for: there is nothing to take them from",
        'name the answer\'s column: "response": ...',
        "map_keys 没有 response，却要 labels：没有来源",
        '写明答案列："response": ...',
    ),
    "D-pair": Text(
        "warning",
        "{key} is {ours} here and {theirs} in {other}",
        "make both the same",
        "{key} 这里是 {ours}，而 {other} 里是 {theirs}",
        "两处改成一致",
    ),
    "D-apart": Text(
        "warning",
        "the files do not belong together: output_prefix is {prefix}, the run reads {data_path} "
        "({other}), so data and rewards are not compared",
        "make output_prefix and data_path the same, or name the dataset YAML that made the data",
        "两个文件不配套：output_prefix 是 {prefix}，而训练读的是 {data_path}（{other}），"
        "因此没有对照数据与奖励",
        "让 output_prefix 与 data_path 一致，或指定真正生成该数据的数据集 YAML",
    ),
    "D-fine": Text(
        "ok",
        "prompt type {prompt_type}, columns {columns}",
        "",
        "prompt type {prompt_type}，列 {columns}",
        "",
    ),
}
