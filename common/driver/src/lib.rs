//! What all drivers share: object registry, jobs, durable definitions, event hub, undo.
