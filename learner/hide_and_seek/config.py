"""Settings of the learner of hide and seek: losses, optimisers and batches.

The dataclasses define fields and types; values and their reasons are in conf/learner/hide_and_seek.yaml.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from learner.hide_and_seek.schedule import BatchSizes, PhaseConfig
from learner.precision import check_precision

CORRECTIONS = ("vtrace", "ppo", "a3c")


@dataclass
class ActorCriticConfig:
    """Reinforcement learning in the stages that learn by it (docs/hide_and_seek.md, Losses)."""

    correction: str
    """How steps of older weights are corrected for: vtrace, ppo (clipped), or a3c (not at all, as the paper)."""
    gamma: float
    """Discount per step in exploration, manipulation and seeking."""
    gamma_hide: float
    """Discount per step in hiding."""
    gae_lambda: float
    """Decay of the corrections of later steps, lambda, in all three."""
    rho_clip: float
    """vtrace: largest ratio of probabilities in the temporal differences and in the policy gradient."""
    c_clip: float
    """vtrace: largest ratio that passes a correction on to the step before."""
    normalise: bool
    """Whether the advantages of a stage in a batch are shifted and scaled to mean 0 and deviation 1. While the values
    are still wrong, all advantages may have the same sign, and each action that was taken would become likelier."""
    ppo_clip: float
    """ppo: the ratio of probabilities has a gradient between 1 - clip and 1 + clip."""
    entropy: float
    """Weight of the policy's entropy, which is increased."""
    value: float
    """Weight of half the mean squared error of the values."""

    def __post_init__(self) -> None:
        if self.correction not in CORRECTIONS:
            raise ValueError(
                f"learner.actor_critic.correction must be one of {', '.join(CORRECTIONS)}, not '{self.correction}'"
            )
        for name in ("gamma", "gamma_hide", "gae_lambda"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"learner.actor_critic.{name} must be in [0, 1], not {getattr(self, name)}")
        for name in ("rho_clip", "c_clip"):
            if not getattr(self, name) > 0:
                raise ValueError(f"learner.actor_critic.{name} must be positive, not {getattr(self, name)}")
        if not 0 < self.ppo_clip < 1:
            raise ValueError(f"learner.actor_critic.ppo_clip must be in (0, 1), not {self.ppo_clip}")
        for name in ("entropy", "value"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"learner.actor_critic.{name} must be 0 or more, not {getattr(self, name)}")


@dataclass
class LossWeights:
    """Factor of each loss; a loss with the weight 0 is not computed (docs/hide_and_seek.md, Losses)."""

    explore: float
    """All losses of exploration together; the next three are those of the other stages."""
    hide: float
    manipulate: float
    seek: float
    contrast: float
    """All stages: predicting the next SIR among the episode's."""
    localisation: float
    """All stages: finding the cells that changed."""
    modality_collapse: float
    """Hiding: probability of ContainedIn and Behind among PlaceAt; see `collapse_episodes`."""
    spatial_collapse: float
    """Hiding: PlaceAt where the manipulator expects success; see `collapse_episodes`."""
    recall: float
    """Hiding: recalling the latest PlaceAt and where the object landed."""
    closing: float
    """Hiding: CloseObjects once the object is contained."""
    hindsight: float
    """Manipulation: imitating the way to where the object landed."""
    hindsight_value: float
    """Manipulation: the value of that way, relative to `hindsight`."""
    opening: float
    """Manipulation: OpenAt while the target is ContainedIn and nothing has been opened."""
    hittable: float
    """Manipulation: predicting whether the target will be hit."""
    landing: float
    """Manipulation: predicting of each place whether the object will land there."""
    imitation: float
    """Seeking: following a shortest way to a place that sees the goal."""
    claim: float
    """Seeking: ClaimVisible exactly where it would succeed."""
    inverse: float
    """Visual dynamics: the action between two pictures."""
    forward: float
    """Visual dynamics: the picture after an action."""
    changed_pixels: float
    """Visual dynamics: the pixels that an action changes."""
    confidence: float
    """Visual dynamics: the error of the predicted picture."""
    success: float
    """Visual dynamics: whether an action will succeed."""
    sighting: float
    """Triplets of seeking: in which cells a goal is seen that could be claimed; needs models.sighting_channels."""

    def __post_init__(self) -> None:
        for field in fields(self):
            if not getattr(self, field.name) >= 0:
                raise ValueError(f"learner.weights.{field.name} must be 0 or more, not {getattr(self, field.name)}")


@dataclass
class PerspectiveWeights:
    """Factor of each loss of perspective simulation; a loss with the weight 0 is not computed."""

    outcome: float
    """Cross-entropy of P, the predicted outcome of hiding at a place."""
    ranking: float
    """Ranking of V, the predicted quality of an outcome."""
    policy: float
    """Cross-entropy of the mental policy with the seeker's."""
    success: float
    """Success of the seeker's actions."""
    claim: float
    """Success that ClaimVisible would have."""

    def __post_init__(self) -> None:
        for field in fields(self):
            if not getattr(self, field.name) >= 0:
                raise ValueError(f"learner.perspective.{field.name} must be 0 or more, not {getattr(self, field.name)}")


@dataclass
class LearnerConfig:
    """How the network is trained."""

    actor_critic: ActorCriticConfig
    weights: LossWeights
    perspective: PerspectiveWeights
    collapse_episodes: int
    """Number of hiding episodes after which the two losses against collapse are switched off."""
    false_claim_weight: float
    """Weight of a step that cannot claim, relative to one that can, in the loss of ClaimVisible."""
    seen_weight: float
    """Weight of a cell that shows the goal, relative to one that does not, in the loss `sighting`."""
    failed_weight: float
    """Weight of a failed action in the inverse loss; one that succeeded has 1."""
    mirror: bool
    """Whether half of the triplets are mirrored, left and right of their actions exchanged."""
    changed_weight: float
    """Weight of a changed pixel in the forward loss; an unchanged one has 1."""
    changed_threshold: float
    """Least difference in any channel, of at most 1, by which a pixel counts as changed."""
    lr: float
    """Adam's learning rate for the four stages."""
    lr_encoder: float
    """The same for the encoder, which visual dynamics replay trains as well, by `lr_dynamics`."""
    lr_perspective: float
    """Adam's learning rate for perspective simulation."""
    lr_dynamics: float
    """Adam's learning rate for visual dynamics replay."""
    lr_decay: float
    """Share of the run, at its end, over which the learning rates but `lr_perspective` fall linearly; 0: they stay."""
    betas: list[float]
    """Adam's two moving averages, for the stages and perspective simulation."""
    betas_dynamics: list[float]
    """The same for visual dynamics replay."""
    amsgrad: bool
    """Whether Adam divides by the largest second moment so far."""
    max_gradient_norm: float
    """Gradients of a larger norm are scaled down to it; 0 switches this off."""
    unroll_reuse: int
    """How often an unroll is learned from. 1: exactly once, in order; more: on average, drawn from the latest ones."""
    batch_unrolls: int
    """Unrolls in a batch."""
    batch_triplets: int
    """Triplets in a batch."""
    batch_memories: int
    """Memories in a batch."""
    snapshot_every: int
    """Steps between two copies of the agent's weights that are kept as past versions, for games against them."""
    phases: dict[str, PhaseConfig]
    """The schedule, in the order of the phases; a phase without rounds is left out."""
    mixed_precision: str
    """Whether encoder and decoder compute in bfloat16: on, off, or auto, which is on where the processor has bfloat16
    units. Losses, recurrences and weights stay in float32."""
    threads: int | None
    """CPU threads of the learner's process; null: the number of CPUs that the cluster reserves for it."""
    publish_every: int
    """Maximum steps between two publications of the weights."""
    prefetch: int
    """Batches in flight beside the one in use; 0 in strict alternation."""

    def __post_init__(self) -> None:
        for name in ("lr", "lr_encoder", "lr_perspective", "lr_dynamics"):
            if not getattr(self, name) > 0:
                raise ValueError(f"learner.{name} must be positive, not {getattr(self, name)}")
        for name in ("betas", "betas_dynamics"):
            betas = getattr(self, name)
            if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
                raise ValueError(f"learner.{name} must be two numbers in [0, 1), not {list(betas)}")
        for name in ("collapse_episodes", "max_gradient_norm", "prefetch", "failed_weight"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"learner.{name} must be 0 or more, not {getattr(self, name)}")
        check_precision(self.mixed_precision)
        if not 0 <= self.lr_decay <= 1:
            raise ValueError(f"learner.lr_decay must be in [0, 1], not {self.lr_decay}")
        for name, phase in self.phases.items():
            if phase.name != name:
                raise ValueError(f"learner.phases.{name}.name must be {name}, not {phase.name}")
        for name in (
            "batch_unrolls", "batch_triplets", "batch_memories", "publish_every", "changed_weight", "snapshot_every",
            "unroll_reuse", "false_claim_weight", "seen_weight",
        ):  # fmt: skip
            if not getattr(self, name) >= 1:
                raise ValueError(f"learner.{name} must be at least 1, not {getattr(self, name)}")
        if not 0 <= self.changed_threshold < 1:
            raise ValueError(f"learner.changed_threshold must be in [0, 1), not {self.changed_threshold}")
        if self.threads is not None and self.threads < 1:
            raise ValueError(f"learner.threads must be at least 1 or null, not {self.threads}")

    @property
    def batch_sizes(self) -> BatchSizes:
        """Records in the batches of each table, and how often an unroll is used."""
        return BatchSizes(self.batch_unrolls, self.batch_triplets, self.batch_memories, self.unroll_reuse)
