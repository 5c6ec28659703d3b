//! The thread that writes.

use crossbeam_channel::{Receiver, Sender};
use tsuji_core::trace::seal;

use super::Piece;
use super::segments::Segments;

/// Writes blocks until there are no more. Recording ends when it can't go on; nothing else does.
pub(super) fn run(mut segments: Segments, pieces: &Receiver<Piece>, empty: &Sender<Vec<u8>>) {
    for piece in pieces {
        let mut block = match piece {
            Piece::Own(block) => block,
            Piece::Shared(block) => (*block).clone(),
        };
        seal(&mut block.bytes);
        if let Err(error) = segments.write(&block) {
            let file = segments.path().display();
            tracing::error!(%error, %file, "recording ends: the file cannot be written");
            return;
        }
        // Where there are enough, this one is freed.
        let _ = empty.try_send(block.bytes);
    }
    if let Err(error) = segments.finish() {
        let file = segments.path().display();
        tracing::error!(%error, %file, "the end of the recording may be lost");
    }
}
