//! Placeholder signatures while the core is being written; replaced by its owner.
use crate::*;
/// The SFU.
#[derive(Debug)]
pub struct Sfu {}
impl Sfu {
    /// New.
    pub fn new(_config: Config, _seed: [u8; 32], _epoch: WallTime) -> Self {
        Self {}
    }
    /// Handle.
    pub fn handle(&mut self, _t: Time, _input: Input<'_>) {}
    /// Poll.
    pub fn poll(&mut self) -> Option<Output> {
        None
    }
    /// Deadline.
    pub fn deadline(&self) -> Option<Time> {
        None
    }
}
