"""A double of the managers' base."""


class RewardManagerBase:
    def __init__(self, config, tokenizer, compute_score):
        self.config, self.tokenizer, self.compute_score = config, tokenizer, compute_score
