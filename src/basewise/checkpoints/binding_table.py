"""What lucidrains/tf-bind-transformer calls the arrays of its adapter, and what we call them.

Rows as in `torch_tables`. Its trunk has the names of enformer_pytorch below ``enformer.``.
"""

NAMESPACE = "binding"
_SELF, _JOINT = f"{NAMESPACE}/genome_self_attn_{{i}}", f"{NAMESPACE}/joint_cross_attn_{{i}}"


def _to_feed_forward(torch: str, ours: str) -> tuple[tuple[str, str, str], ...]:
    return (
        ("layer_norm", f"{torch}.0", f"{ours}/norm"),
        ("linear", f"{torch}.1", f"{ours}/fc1"),
        ("linear", f"{torch}.4", f"{ours}/fc2"),
    )


ADAPTER = (
    ("layer_norm", "norm_seq_embed", f"{NAMESPACE}/norm_seq_embed"),
    *(
        ("linear", f"{side}.{part}", f"{NAMESPACE}/{side}/{part}")
        for side in ("cond_genetic", "cond_protein")
        for part in ("to_gamma", "to_bias", "to_gate")
    ),
    ("layer_norm", "genome_self_attns.{i}.attn.norm", f"{_SELF}/attn/norm"),
    ("kernel", "genome_self_attns.{i}.attn.to_qkv", f"{_SELF}/attn/to_qkv"),
    ("linear", "genome_self_attns.{i}.attn.to_out", f"{_SELF}/attn/to_out"),
    *_to_feed_forward("genome_self_attns.{i}.ff", f"{_SELF}/ff"),
    *(
        ("layer_norm", f"joint_cross_attns.{{i}}.attn.{part}", f"{_JOINT}/attn/{part}")
        for part in ("norm", "context_norm")
    ),
    *(
        ("kernel", f"joint_cross_attns.{{i}}.attn.{part}", f"{_JOINT}/attn/{part}")
        for part in ("to_qk", "context_to_qk", "to_v", "context_to_v")
    ),
    *(
        ("linear", f"joint_cross_attns.{{i}}.attn.{part}", f"{_JOINT}/attn/{part}")
        for part in ("to_out", "context_to_out")
    ),
    *_to_feed_forward("joint_cross_attns.{i}.ff", f"{_JOINT}/ff"),
    *_to_feed_forward("joint_cross_attns.{i}.context_ff", f"{_JOINT}/context_ff"),
    ("latents", "filip", f"{NAMESPACE}/filip"),
    ("grid", "linear_with_hypergrid", f"{NAMESPACE}/hypergrid"),
    (
        "linear",
        "linear_with_hypergrid.contextual_projection",
        f"{NAMESPACE}/hypergrid/contextual_projection",
    ),
    ("linear", "linear_to_logits", f"{NAMESPACE}/linear_to_logits"),
    ("linear", "to_pred.0", f"{NAMESPACE}/to_pred"),
    ("layer_norm", "to_pred.1", f"{NAMESPACE}/to_pred_norm"),
    ("linear", "to_pred.2", f"{NAMESPACE}/to_pred"),
    ("layer_norm", "to_read_value_aux_loss.logits_norm.1", f"{NAMESPACE}/read_value/norm"),
    ("linear", "to_read_value_aux_loss.mlp.0", f"{NAMESPACE}/read_value/fc1"),
    ("linear", "to_read_value_aux_loss.mlp.2", f"{NAMESPACE}/read_value/fc2"),
)
