//! Conversations as append-only event logs, the handoff state machine, the [`Store`] seam and the portal protocol.
