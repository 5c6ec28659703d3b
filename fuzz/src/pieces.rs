//! Bytes of a TCP connection, as they may come.

/// Cuts `bytes`: one by one, into pieces of one length, or of lengths that differ.
pub(crate) fn pieces(cut: u8, bytes: &[u8]) -> Vec<&[u8]> {
    match cut {
        0 => bytes.chunks(1).collect(),
        1..=127 => bytes.chunks(usize::from(cut)).collect(),
        _ => {
            // Lengths that differ, from the bytes themselves.
            let mut rest = bytes;
            let mut pieces = Vec::new();
            while let Some(first) = rest.first() {
                let length = usize::from((first ^ cut) & 63) + 1;
                let (piece, behind) = rest.split_at(length.min(rest.len()));
                pieces.push(piece);
                rest = behind;
            }
            pieces
        }
    }
}
