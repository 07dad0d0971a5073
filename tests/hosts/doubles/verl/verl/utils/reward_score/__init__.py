"""A double: sources that it does not know raise."""


def default_compute_score(data_source, solution_str, ground_truth, extra_info=None, **kwargs):
    if data_source != "openai/gsm8k":
        raise NotImplementedError(f"Reward function is not implemented for {data_source=}")
    return float(solution_str == ground_truth)
