//! The numbers of pictures: picture id and TL0 index, of VP8 (RFC 7741, 4.2) and VP9 (RFC 9628, 4.2).

use serde::{Deserialize, Serialize};

use crate::forward::picture::{Numbers, VideoPatch};

/// Renumbers the pictures of one outgoing stream.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct PictureContinuity {
    stretch: Option<Stretch>,
    last_picture_id: Option<u16>,
    last_tl0_index: Option<u8>,
}

/// Wrapping offsets: out = in + offset.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Stretch {
    picture_id: u16,
    tl0_index: u8,
}

impl PictureContinuity {
    /// The next packet begins a new stretch.
    pub(crate) fn interrupt(&mut self) {
        self.stretch = None;
    }

    /// What to write into a packet's descriptor. `is_newest`: no later packet was sent before it.
    pub(crate) fn renumber(&mut self, numbers: Numbers, is_newest: bool) -> VideoPatch {
        let stretch = match self.stretch {
            Some(stretch) => stretch,
            None => *self.stretch.insert(Stretch {
                picture_id: match (self.last_picture_id, numbers.picture_id) {
                    (Some(last), Some(id)) => last.wrapping_add(1).wrapping_sub(id.value),
                    _ => 0,
                },
                tl0_index: match (self.last_tl0_index, numbers.tl0_index) {
                    (Some(last), Some(index)) => last.wrapping_add(1).wrapping_sub(index),
                    _ => 0,
                },
            }),
        };
        let picture_id = numbers.picture_id;
        let picture_id = picture_id.map(|id| id.value.wrapping_add(stretch.picture_id) & id.mask());
        let tl0_index = numbers.tl0_index;
        let tl0_index = tl0_index.map(|index| index.wrapping_add(stretch.tl0_index));
        if is_newest {
            self.last_picture_id = picture_id.or(self.last_picture_id);
            self.last_tl0_index = tl0_index.or(self.last_tl0_index);
        }
        VideoPatch {
            picture_id,
            tl0_index,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forward::picture::PictureId;

    const LATE: (u16, u8) = (17_001, 40);

    fn out(stream: &mut PictureContinuity, picture_id: u16, tl0_index: u8) -> (u16, u8) {
        let is_late = (picture_id, tl0_index) == LATE;
        let numbers = Numbers {
            picture_id: Some(PictureId {
                value: picture_id,
                long: true,
            }),
            tl0_index: Some(tl0_index),
        };
        let patch = stream.renumber(numbers, !is_late);
        (patch.picture_id.unwrap(), patch.tl0_index.unwrap())
    }

    #[test]
    fn a_new_source_continues_where_the_old_one_ended() {
        let mut stream = PictureContinuity::default();
        assert_eq!(out(&mut stream, 32_767, 255), (32_767, 255));
        assert_eq!(out(&mut stream, 0, 0), (0, 0), "wraps");
        stream.interrupt();
        assert_eq!(out(&mut stream, 17_000, 40), (1, 1));
        assert_eq!(out(&mut stream, 17_002, 41), (3, 2), "a gap stays a gap");
        assert_eq!(out(&mut stream, 17_001, 40), (2, 1), "late, its place kept");
        stream.interrupt();
        assert_eq!(
            out(&mut stream, 3, 200),
            (4, 3),
            "after the newest, not after the last"
        );
    }

    #[test]
    fn a_short_picture_id_stays_short() {
        let mut stream = PictureContinuity::default();
        let short = |value| Numbers {
            picture_id: Some(PictureId { value, long: false }),
            tl0_index: None,
        };
        assert_eq!(stream.renumber(short(127), true).picture_id, Some(127));
        assert_eq!(stream.renumber(short(0), true).picture_id, Some(0));
        stream.interrupt();
        assert_eq!(stream.renumber(short(90), true).picture_id, Some(1));
        assert_eq!(stream.renumber(short(90), true).tl0_index, None);
    }
}
