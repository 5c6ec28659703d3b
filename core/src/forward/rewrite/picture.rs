//! The numbers of pictures: picture id and TL0 index, of VP8 (RFC 7741, 4.2) and VP9 (RFC 9628, 4.2).

use serde::{Deserialize, Serialize};

use super::gapless::Gapless;
use crate::forward::picture::{Numbers, PictureId, VideoPatch};

/// Renumbers the pictures of one outgoing stream.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct PictureContinuity {
    stretch: Option<Stretch>,
    last_picture_id: Option<u16>,
    last_tl0_index: Option<u8>,
}

/// Where a stretch's picture ids begin: more than one that is late can be older.
const FIRST: u64 = 1 << 20;

#[derive(Debug, Serialize, Deserialize)]
struct Stretch {
    /// Wrapping offsets: out = in + offset.
    picture_id: u16,
    tl0_index: u8,
    pictures: Gapless,
}

impl Stretch {
    /// A picture id that does not wrap.
    fn extend(&self, id: PictureId) -> u64 {
        let (mask, newest) = (u64::from(id.mask()), self.pictures.newest());
        if newest == 0 {
            return FIRST + u64::from(id.value);
        }
        let ahead = u64::from(id.value).wrapping_sub(newest) & mask;
        let next = newest.saturating_add(ahead);
        if ahead <= mask / 2 {
            next
        } else {
            next.saturating_sub(mask + 1)
        }
    }
}

impl PictureContinuity {
    /// The next packet begins a new stretch.
    pub(crate) fn interrupt(&mut self) {
        self.stretch = None;
    }

    /// A picture is not sent: there is no id in its place. For encoders that count what they send and
    /// don't say by these ids on which a picture depends: VP8.
    pub(crate) fn leave_out(&mut self, numbers: Numbers) {
        if let (Some(stretch), Some(id)) = (&mut self.stretch, numbers.picture_id) {
            let number = stretch.extend(id);
            stretch.pictures.leave_out(number, false);
        }
    }

    /// What to write into a packet's descriptor; `None` where its picture is one that was left out.
    /// `is_newest`: no later packet was sent before it.
    pub(crate) fn renumber(&mut self, numbers: Numbers, is_newest: bool) -> Option<VideoPatch> {
        let stretch = match &mut self.stretch {
            Some(stretch) => stretch,
            None => self.stretch.insert(Stretch {
                picture_id: match (self.last_picture_id, numbers.picture_id) {
                    (Some(last), Some(id)) => last.wrapping_add(1).wrapping_sub(id.value),
                    _ => 0,
                },
                tl0_index: match (self.last_tl0_index, numbers.tl0_index) {
                    (Some(last), Some(index)) => last.wrapping_add(1).wrapping_sub(index),
                    _ => 0,
                },
                pictures: Gapless::default(),
            }),
        };
        let picture_id = match numbers.picture_id {
            None => None,
            Some(id) => {
                let number = stretch.extend(id);
                // Its low bits count.
                let place = stretch.pictures.place(number)? as u16;
                Some(place.wrapping_add(stretch.picture_id) & id.mask())
            }
        };
        let tl0_index = numbers.tl0_index;
        let tl0_index = tl0_index.map(|index| index.wrapping_add(stretch.tl0_index));
        if is_newest {
            self.last_picture_id = picture_id.or(self.last_picture_id);
            self.last_tl0_index = tl0_index.or(self.last_tl0_index);
        }
        Some(VideoPatch {
            picture_id,
            tl0_index,
        })
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
        let patch = stream.renumber(numbers, !is_late).unwrap();
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
        let mut out = |value| stream.renumber(short(value), true).unwrap();
        assert_eq!(out(127).picture_id, Some(127));
        assert_eq!(out(0).picture_id, Some(0));
        stream.interrupt();
        let mut out = |value| stream.renumber(short(value), true).unwrap();
        assert_eq!(out(90).picture_id, Some(1));
        assert_eq!(out(90).tl0_index, None);
    }

    #[test]
    fn a_picture_that_is_left_out_leaves_no_gap() {
        for (long, mask) in [(true, 0x7fff), (false, 0x7f)] {
            let mut stream = PictureContinuity::default();
            let numbers = |value: u16| Numbers {
                picture_id: Some(PictureId {
                    value: value & mask,
                    long,
                }),
                tl0_index: Some(0),
            };
            let mut out = |value| stream.renumber(numbers(value), true)?.picture_id;
            assert_eq!(out(mask - 1), Some(mask - 1));
            // Two packets of one picture.
            stream.leave_out(numbers(mask));
            stream.leave_out(numbers(mask));
            let mut out = |value| stream.renumber(numbers(value), true)?.picture_id;
            assert_eq!(out(mask + 1), Some(mask));
            assert_eq!(out(mask), None);
            stream.leave_out(numbers(mask + 3));
            let mut out = |value| stream.renumber(numbers(value), true)?.picture_id;
            assert_eq!(out(mask + 4), Some(1));
            assert_eq!(out(mask + 2), Some(0), "late, its place kept");
        }
    }
}
