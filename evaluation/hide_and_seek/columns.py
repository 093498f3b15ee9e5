"""The figures of the results table of agents of hide and seek."""

from __future__ import annotations

from evaluation.tables import Column

COLUMNS = {
    "coverage": Column("coverage", 3),
    "om_hit": Column("OnTop hits", 3),
    "om_hit_behind": Column("Behind", 3),
    "om_hit_contained": Column("ContainedIn", 3),
    "found": Column("found, easy", 3),
    "claim_precision": Column("ClaimVisible precision", 3),
    "vdr_inverse_accuracy": Column("VDR inverse", 3),
    "vdr_inverse_majority": Column("majority class", 3, best=False),
    "vdr_forward_gain": Column("VDR forward gain", 3),
    "vdr_success_auc": Column("VDR success AUC", 3),
    "ps_cross_entropy": Column("PS cross-entropy, nats", 2, best=False),
    "ps_marginal_cross_entropy": Column("of the marginal", 2, best=False),
    "ps_ranking_accuracy": Column("PS ranking", 3),
}
"""The figures of the results table."""
