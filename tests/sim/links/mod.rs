//! What a viewer sees over links that are narrow, lossy, slow, or change.
//!
//! ```text
//!  publishers ──good links──► core ──Profile──► viewer: decoders ─► Freezes
//!                                      │                              │
//!                                      └── carried bytes, layers ─► Outcome: figures, samples
//! ```
//! Everybody publishes a camera in three layers and a microphone; the viewer's page shows all of
//! them large. What a decoder could decode, [`Freezes`](crate::Freezes) shows as a jitter buffer does.

mod measure;
mod plot;
mod profile;

pub use measure::{Outcome, Sample, measure};
pub use plot::plot;
pub use profile::{Profile, dips, profiles};
