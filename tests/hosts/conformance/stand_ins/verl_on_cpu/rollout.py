"""verl's rollout by transformers on a CPU: requests that wait together are sampled as one batch.

Covers: temperature (0 is the likeliest token); log probabilities of what was sampled; new weights
after each update, each training process feeding the server of its own rank.
Does not cover: top_k, top_p and penalties, which are refused; images; several processes per server.
"""

import asyncio

import ray
import torch
from verl.workers.rollout import base
from verl.workers.rollout.replica import RolloutReplica, TokenOutput

from verl_on_cpu import NAME

WAIT_S = 0.05  # for further requests
NEUTRAL = {"top_k": (-1, 0, None), "top_p": (1.0, None), "repetition_penalty": (1.0, None)}


def server_name(rank):
    """Of the Ray actor that serves the training process of this rank."""
    return f"{NAME}_{rank}"


class Server:
    """Holds the policy and answers requests."""

    def __init__(self, path, max_tokens):
        from transformers import AutoModelForCausalLM

        torch.set_num_threads(1)
        self.model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
        self.max_tokens, self.updates = max_tokens, 0
        self.waiting, self.working = [], None

    async def generate(self, request_id, prompt_ids, sampling_params, **others):
        """The response to one prompt."""
        for name, neutral in NEUTRAL.items():
            if sampling_params.get(name) not in neutral:
                raise ValueError(f"{name}={sampling_params[name]} is not covered")
        future = asyncio.get_running_loop().create_future()
        temperature = float(sampling_params.get("temperature", 1.0))
        max_tokens = sampling_params.get("max_tokens") or self.max_tokens
        self.waiting.append(((temperature, max_tokens), list(prompt_ids), future))
        if self.working is None or self.working.done():
            self.working = asyncio.create_task(self._work())
        return await future

    async def _work(self):
        while self.waiting:
            await asyncio.sleep(WAIT_S)
            kind = self.waiting[0][0]
            batch = [request for request in self.waiting if request[0] == kind]
            self.waiting = [request for request in self.waiting if request[0] != kind]
            try:
                prompts = [prompt for _, prompt, _ in batch]
                outputs = await asyncio.to_thread(self._sample, prompts, *kind)
            except Exception as error:  # noqa: BLE001  those who wait must hear of it
                for *_, future in batch:
                    future.set_exception(error)
                continue
            for (*_, future), output in zip(batch, outputs, strict=True):
                future.set_result(output)

    @torch.no_grad()
    def _sample(self, prompts, temperature, max_tokens):
        width = max(map(len, prompts))
        pad, eos = self.model.config.pad_token_id or 0, self.model.config.eos_token_id
        ids = torch.tensor([[pad] * (width - len(row)) + row for row in prompts])
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in prompts])
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        tokens, log_probs, cache = [], [], None
        running = torch.ones(len(prompts), dtype=torch.bool)
        for _ in range(max_tokens):
            out = self.model(ids, attention_mask=mask, position_ids=positions,
                             past_key_values=cache, use_cache=True)  # fmt: skip
            cache = out.past_key_values
            scores = torch.log_softmax(out.logits[:, -1].float() / (temperature or 1.0), -1)
            ids = torch.multinomial(scores.exp(), 1) if temperature else scores.argmax(-1, True)
            tokens.append(torch.where(running, ids[:, 0], -1))
            log_probs.append(scores.gather(1, ids)[:, 0])
            running &= ids[:, 0] != eos
            if not running.any():
                break
            mask = torch.cat([mask, torch.ones_like(ids)], 1)
            positions = positions[:, -1:] + 1
        return [self._output(*row) for row in zip(torch.stack(tokens, 1).tolist(),
                                                  torch.stack(log_probs, 1).tolist(),
                                                  running.tolist(), strict=True)]  # fmt: skip

    def _output(self, tokens, log_probs, cut):
        length = tokens.index(-1) if -1 in tokens else len(tokens)
        return TokenOutput(
            token_ids=tokens[:length],
            log_probs=log_probs[:length],
            stop_reason="length" if cut else "completed",
            extra_fields={"global_steps": self.updates},
        )

    async def load(self, weights):
        """Takes over the weights of the training; all of them, under the model's own names."""
        tied = set() if not self.model.config.tie_word_embeddings else {"lm_head.weight"}
        missing, unexpected = self.model.load_state_dict(
            {name: tensor.float() for name, tensor in weights.items()}, strict=False
        )
        if set(missing) - tied or unexpected:
            raise ValueError(f"missing {missing}, unexpected {unexpected}")
        self.updates += 1

    async def nothing(self, *args, **kwargs):
        """There is no memory to hand back and no request to abort."""

    wake_up = sleep = abort_all_requests = resume_generation = nothing
    clear_kv_cache = release_kv_cache = resume_kv_cache = nothing
    start_profile = stop_profile = set_global_steps = nothing


class Replica(RolloutReplica):
    """Starts the server of one training process."""

    async def launch_servers(self):
        """One Ray actor."""
        name = server_name(self.replica_rank)
        start = ray.remote(Server).options(name=name, num_cpus=0.1).remote
        self._server_handle = start(self.model_config.path, self.config.response_length)
        self._server_address = name
        self.servers = [self._server_handle]


class Adapter(base.BaseRollout):
    """The training's side: hands the new weights over."""

    async def resume(self, tags):
        """Nothing was released."""

    async def release(self):
        """Nothing is held here."""

    async def update_weights(self, weights, wire_format="named_tensors", **kwargs):
        """Collects the whole tensors and sends them to the server of this rank."""
        if wire_format != "named_tensors":
            raise ValueError(f"wire_format {wire_format} is not covered")
        found = {}
        if hasattr(weights, "__aiter__"):
            async for name, tensor in weights:
                found[name] = tensor.detach().clone()
        else:
            found = {name: tensor.detach().clone() for name, tensor in weights}
        server = ray.get_actor(server_name(torch.distributed.get_rank()))
        await server.load.remote(found)
