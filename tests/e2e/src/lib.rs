//! What crosses services: the oracle, the cluster, the chaos drills.
