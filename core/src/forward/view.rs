//! What a page shows of others.

use serde::{Deserialize, Serialize};

use crate::ids::Source;
use crate::input::Tile;

/// How a viewer sees a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Shown {
    /// Not at all.
    #[default]
    Hidden,
    /// In a tile of so many device pixels, which it fills; of a screen nothing is cut off.
    Tile {
        width: u16,
        height: u16,
        whole: bool,
    },
    /// As large as it comes.
    Full,
}

impl Shown {
    /// In this tile.
    pub(crate) fn in_tile(tile: &Tile) -> Self {
        Self::Tile {
            width: tile.width,
            height: tile.height,
            whole: tile.track.source == Source::Screen,
        }
    }

    pub(crate) fn is_seen(self) -> bool {
        self != Self::Hidden
    }

    /// Whether a picture of this size is as sharp as this one can be seen.
    pub(crate) fn is_filled_by(self, (width, height): (u32, u32)) -> bool {
        match self {
            Self::Hidden => true,
            Self::Full => false,
            Self::Tile {
                width: w,
                height: h,
                whole,
            } => {
                let (wide, high) = (width >= w.into(), height >= h.into());
                // What is shown whole touches two sides of its tile, what fills it all four.
                if whole { wide || high } else { wide && high }
            }
        }
    }
}

/// The order of tiles where there are more than slots: screens and what is pinned before all others.
pub(crate) fn rank(tile: &Tile) -> u8 {
    u8::from(!(tile.pinned || tile.track.source == Source::Screen))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{ParticipantId, TrackId};

    fn tile(source: Source, pinned: bool) -> Tile {
        Tile {
            track: TrackId {
                participant: ParticipantId(1),
                source,
            },
            width: 600,
            height: 400,
            pinned,
        }
    }

    #[test]
    fn a_tile_is_filled_by_what_covers_it_and_by_a_screen_that_touches_it() {
        let (camera, screen) = (Source::Camera, Source::Screen);
        for (source, size, fits) in [
            (camera, (640, 360), false),
            (camera, (600, 400), true),
            (camera, (599, 4_000), false),
            (screen, (640, 360), true),
            (screen, (599, 399), false),
        ] {
            let shown = Shown::in_tile(&tile(source, false));
            assert_eq!(shown.is_filled_by(size), fits, "{source} {size:?}");
        }
        assert!(!Shown::Full.is_filled_by((16_383, 16_383)));
    }

    #[test]
    fn screens_and_what_is_pinned_come_first() {
        let mut tiles = [
            tile(Source::Camera, false),
            tile(Source::Camera, true),
            tile(Source::Screen, false),
        ];
        tiles.sort_by_key(rank);
        let order = tiles.map(|tile| (tile.track.source, tile.pinned));
        let (camera, screen) = (Source::Camera, Source::Screen);
        assert_eq!(order, [(camera, true), (screen, false), (camera, false)]);
    }
}
