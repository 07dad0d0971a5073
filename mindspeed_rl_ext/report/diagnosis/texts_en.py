"""The rules in English."""

ENGLISH = {
    "not_finite": {
        "title": "NaN or infinity",
        "evidence": "{metric} is not finite at {count} of {of} logged steps, first at step {step}.",
        "causes": "learning rate too high\nbf16 overflow in the loss\n"
        "a response without tokens: its mean is 0/0",
        "try": "go back to the last checkpoint before that step, with a lower learning rate\n"
        "clip the gradient norm at 1.0\ncompute log-probs and loss in fp32",
    },
    "entropy_up_reward_gone": {
        "title": "Collapse: entropy jumps, reward falls to its floor",
        "evidence": "Entropy rises from {entropy_before:.3g} to {entropy_peak:.3g} nats per token "
        "(half-way at step {jump_step}); the reward falls from {reward_best:.3g} to "
        "{reward_end:.3g} at step {last_step}.",
        "causes": "learning rate too high\n"
        "too many updates on one rollout, or the clip range too wide\n"
        "a weak model that was paid for lucky guesses in a template it cannot keep",
        "try": "go back to a checkpoint before the jump; divide the learning rate by 5 to 10\n"
        "fewer updates a rollout, clip 0.1 or less, a KL term to the first model\n"
        "warm up with SFT, or ask for \\boxed{} only instead of think and answer tags",
    },
    "entropy_jump": {
        "title": "Entropy jumps while the reward does not rise",
        "evidence": "Entropy goes from {entropy_before:.3g} to {entropy_end:.3g} nats per token "
        "(half-way at step {jump_step}); reward {reward_start:.3g} to {reward_end:.3g}.",
        "causes": "learning rate at the edge of what the model stands\n"
        "an entropy bonus that is too large",
        "try": "watch the next steps: if the reward falls, go back and lower the learning rate\n"
        "a smaller entropy coefficient",
    },
    "entropy_down_no_signal": {
        "title": "Collapse: entropy gone, most groups are of one mind",
        "evidence": "Entropy falls from {entropy_start:.3g} to {entropy_end:.3g} nats per token; "
        "groups of equal rewards rise from {zero_start:.0%} to {zero_end:.0%}, "
        "with the reward at {reward_end:.3g} only.",
        "causes": "learning rate too high for this checkpoint\n"
        "a warm start too weak to explore\ntoo few different prompts",
        "try": "a lower learning rate: divide it by 3 to 10\n"
        "clip-higher (0.28), a higher temperature, or a small entropy bonus\n"
        "dynamic sampling, so that groups without a signal do not count",
    },
    "few_groups_with_signal": {
        "title": "Most groups carry no learning signal",
        "evidence": "In {zero_end:.0%} of the groups (at the start {zero_start:.0%}) all rewards "
        "are equal; the mean reward is {reward_end:.3g}.",
        "causes": "the problems are too easy or too hard for this policy\n"
        "too few samples per prompt",
        "try": "dynamic sampling: groups all right or all wrong are drawn again\n"
        "problems that the policy gets right between 20 % and 80 % of the time\n"
        "more samples per prompt",
    },
    "reward_hacks": {
        "title": "Responses aim at the reward",
        "evidence": "Of the responses of steps {first_step} to {last_step}: {details}.",
        "causes": "the verifier pays, or once paid, for an expression of the question, for several "
        "answers at once, or for a guess that is often right\n"
        "a box in the thinking counts as an answer",
        "try": "read some of them in the browser of rollouts below\n"
        "give the verifiers the prompt: a restated question is then RESTATED and not paid\n"
        "a verifier that reads the answer block alone, or refuses several answers\n"
        "problems whose answers differ",
    },
    "template_echo": {
        "title": "Responses echo the template",
        "evidence": "{share:.0%} of {probed} rollouts of steps {first_step} to {last_step} repeat "
        "the prompt's example or most of the prompt, such as: {example}",
        "causes": "the format is paid and the example in the prompt has the format\n"
        "a model too weak for the task",
        "try": "no literal example in the prompt\n"
        "the verifiers strict_tags and template_copy beside the accuracy\n"
        "a prompt that asks for \\boxed{} only",
    },
    "one_fixed_answer": {
        "title": "One fixed answer to different prompts",
        "evidence": "{share:.0%} of the rollouts of steps {first_step} to {last_step} are one "
        "response given to several prompts ({unique:.0%} of the responses differ): {example}",
        "causes": "the format pays more than the answer\nno exploration is left",
        "try": "lower the weight of the format\na higher temperature, clip-higher, a KL term\n"
        "go back to a checkpoint with more different responses",
    },
    "drawdown": {
        "title": "The reward fell back from its peak",
        "evidence": "It was {reward_peak:.3g} around step {peak_step} and is {reward_end:.3g} at "
        "step {last_step}.",
        "causes": "the policy drifted too far from the one that earned the peak\n"
        "learning rate or clip range too large for a long run",
        "try": "use the checkpoint of the peak\na decaying learning rate, clip 0.1 or less\n"
        "a KL term to the first model",
    },
    "reward_up_format_down": {
        "title": "The reward rises while the format gets worse",
        "evidence": "Reward {reward_start:.3g} to {reward_end:.3g}, {metric} {format_start:.3g} to "
        "{format_end:.3g}.",
        "causes": "the accuracy verifier pays answers outside the format\n"
        "the format weighs too little",
        "try": "an accuracy verifier that wants the format first, such as simplerl or strict_tags\n"
        "a larger weight for the format",
    },
    "flat_reward": {
        "title": "The reward does not move",
        "evidence": "{reward_start:.3g} at the start and {reward_end:.3g} at the end of {steps} "
        "steps, noise {noise:.2g}.",
        "causes": "the verifier does not fit data or prompt: every response gets the same score\n"
        "labels that are empty or not what the verifier reads\n"
        "learning rate too low, or the actor's weights are not updated",
        "try": "msrl-ext score on saved rollouts: which outcome do they get, and why\n"
        "msrl-ext doctor --data PREFIX --config YAML: labels, verifier and template fit\n"
        "look at groups of equal rewards: without spread there is no gradient",
    },
    "length_clipped": {
        "title": "Responses are cut off at the longest length",
        "evidence": "Cut off: {details}; the longest response has {limit} tokens.",
        "causes": "max_tokens too small for the thinking that the task wants\n"
        "the end token is never produced: wrong template or stop tokens",
        "try": "a larger max_tokens, or the overlong verifier with a soft limit\n"
        "check in the rollouts whether cut responses repeat themselves\n"
        "leave cut responses out of the loss",
    },
    "length_flat": {
        "title": "Neither length nor reward grows",
        "evidence": "Mean length {length_start:.4g} to {length_end:.4g} tokens over {steps} steps.",
        "causes": "nothing is learned: see the flat reward\n"
        "an instruct model, which is reported not to grow its responses",
        "try": "start from a base model\nmend the reward first",
    },
    "too_many_updates": {
        "title": "The policy moves far on one rollout",
        "evidence": "By the log and the sizes given: {details}.",
        "causes": "many updates a rollout (global batch x samples / mini batch x epochs)\n"
        "a clip range that is too wide, a learning rate that is too high",
        "try": "a mini batch as large as the rollout, one epoch\nclip 0.1 or less",
    },
    "verdicts_fail": {
        "title": "Verdicts that are none",
        "evidence": "In the last third of the run: {details}.",
        "causes": "references that the verifier cannot read\n"
        "answers that take too long to compare\na bug in a verifier of your own",
        "try": "read the reasons among the rollouts\n"
        "msrl-ext score on the references themselves; drop rows that it cannot read",
    },
    "entropy_not_logged": {
        "title": "Entropy was not logged",
        "evidence": "actor/entropy is exactly 0 at all {steps} steps: MindSpeed-RL does not "
        "compute it while entropy_coeff is 0.",
        "causes": "entropy_coeff: 0 in the YAML",
        "try": "entropy_coeff: 1e-8, if you want to see it: without it a collapse is hard to see",
    },
    "throughput_mismatch": {
        "title": "Logged throughput is not that of the formula",
        "evidence": "More than 1 % off with mean and with max lengths: {details}.",
        "causes": "dynamic sampling, which counts the batches that were drawn\n"
        "a world size or batch size that is not the run's",
        "try": "give --global-batch-size, --n-samples-per-prompt and --world-size of this run",
    },
    "times_do_not_add_up": {
        "title": "A step is shorter than its parts",
        "evidence": "timing/all is less than the sum at {violated} of {steps} steps; at step "
        "{worst_step} by {worst_s:.3g} s.",
        "causes": "stages that overlap: asynchronous or partial rollout\n"
        "a part that is measured on another process",
        "try": "read the parts as what they are: not one after the other",
    },
}
