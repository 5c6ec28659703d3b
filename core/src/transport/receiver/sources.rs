//! Whose an SSRC is.
//!
//! Browsers announce their SSRCs in their answers (RFC 5576), but for those of simulcast: of these, header
//! extensions name the line and the encoding, until the browser knows that we know (RFC 9143, 15; RFC 8852).
//! An SSRC is somebody's once a packet of it was authentic, and then for good.

use str0m::change::DirectApi;
use str0m::media::Rid;

use super::Line;
use super::header::Header;
use super::reception::Reception;
use crate::ids::{Layer, MediaKind};
use crate::limits::SOURCES;
use crate::transport::codecs::Format;
use crate::transport::window::Window;

/// Where a stream belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct At {
    pub(super) line: Line,
    /// Where the line has several encodings.
    encoding: Option<Layer>,
}

impl At {
    /// Which encoding it is; `Full` where there is one only.
    pub(super) fn layer(self) -> Layer {
        self.encoding.unwrap_or(Layer::Full)
    }
}

/// An SSRC.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) ssrc: u32,
    pub(super) at: At,
    /// Which of its numbers came.
    pub(super) window: Window,
    pub(super) kind: Kind,
}

/// What an SSRC is for.
#[derive(Debug)]
pub(super) enum Kind {
    Media(Reception),
    /// What is missing of the stream at the same place (RFC 4588).
    Repair,
    /// SSRC 0: libwebrtc's probes of the path, before there is anything else to send.
    Probe,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Announced {
    ssrc: u32,
    at: At,
    kind: MediaKind,
    repairs: bool,
}

/// All of a peer.
#[derive(Debug, Default)]
pub(super) struct Sources {
    pub(super) announced: Vec<Announced>,
    pub(super) all: Vec<Source>,
}

impl Sources {
    pub(super) fn find(&self, ssrc: u32) -> Option<usize> {
        self.all.iter().position(|source| source.ssrc == ssrc)
    }

    pub(super) fn is_full(&self) -> bool {
        self.all.len() == SOURCES
    }

    /// Gives its place.
    pub(super) fn add(&mut self, source: Source) -> usize {
        self.all.push(source);
        self.all.len() - 1
    }

    /// Takes over what an answer announced of a line.
    pub(super) fn announce(&mut self, direct: &mut DirectApi<'_>, line: Line, kind: MediaKind) {
        let rids = Layer::ALL.map(|layer| Some(Rid::from(layer.rid())));
        for rid in rids.into_iter().chain([None]) {
            // Asked without an identifier, str0m gives any stream of the line.
            let Some(stream) = direct.stream_rx_by_mid(line.0, rid) else {
                continue;
            };
            let at = At {
                line,
                encoding: stream.rid().and_then(|rid| Layer::from_rid(&rid)),
            };
            let main = Some((*stream.ssrc(), false));
            let repair = stream.rtx().map(|ssrc| (*ssrc, true));
            for (ssrc, repairs) in main.into_iter().chain(repair) {
                if self.announced.iter().all(|known| known.ssrc != ssrc) {
                    self.announced.push(Announced {
                        ssrc,
                        at,
                        kind,
                        repairs,
                    });
                }
            }
        }
    }

    /// Whose an unknown SSRC would be, if its packet is authentic.
    pub(super) fn identify(
        &self,
        header: &Header<'_>,
        format: Option<Format>,
        lines: &[Line],
    ) -> Option<Source> {
        let announced = self
            .announced
            .iter()
            .find(|known| known.ssrc == header.ssrc);
        let (at, kind) = if let Some(announced) = announced {
            let kind = match announced.repairs {
                true => Kind::Repair,
                false => Kind::Media(Reception::new(announced.kind)),
            };
            (announced.at, kind)
        } else if header.ssrc == 0 {
            let line = *lines.first()?;
            let encoding = None;
            (At { line, encoding }, Kind::Probe)
        } else {
            let format = format?;
            let mid = header.mid?;
            let line = *lines.iter().find(|line| line.0.as_bytes() == mid)?;
            let rid = header.rid.or(header.repaired);
            let encoding = match rid {
                Some(rid) => Some(Layer::from_rid(std::str::from_utf8(rid).ok()?)?),
                None => None,
            };
            let repairs = match rid {
                Some(_) => header.rid.is_none(),
                None => format.repairs,
            };
            let kind = match repairs {
                true => Kind::Repair,
                false => Kind::Media(Reception::new(format.codec.kind())),
            };
            (At { line, encoding }, kind)
        };
        Some(Source {
            ssrc: header.ssrc,
            at,
            window: Window::default(),
            kind,
        })
    }

    /// The stream that is repaired at a place: the one of which something came last.
    pub(super) fn repaired(&mut self, at: At) -> Option<(usize, &mut Source)> {
        let streams = self.all.iter_mut().enumerate();
        let media = streams.filter_map(|(place, source)| match &source.kind {
            Kind::Media(reception) if source.at == at => Some((reception.last, place, source)),
            _ => None,
        });
        let newest = media.max_by_key(|(last, place, _)| (*last, *place))?;
        Some((newest.1, newest.2))
    }

    /// The SSRC of an encoding: the one of which something came last. A line that has one encoding only has no name
    /// for it.
    pub(super) fn newest(&self, line: Line, layer: Layer) -> Option<u32> {
        let at = |encoding| At { line, encoding };
        self.newest_at(at(Some(layer)))
            .or_else(|| self.newest_at(at(None)))
    }

    fn newest_at(&self, at: At) -> Option<u32> {
        let here = self.all.iter().filter(|source| source.at == at);
        let media = here.filter_map(|source| match &source.kind {
            Kind::Media(reception) => Some((reception.last, source.ssrc)),
            Kind::Repair | Kind::Probe => None,
        });
        let announced = || {
            let mut announced = self.announced.iter();
            announced.find(|known| known.at == at && !known.repairs)
        };
        let newest = media.max_by_key(|(last, _)| *last).map(|(_, ssrc)| ssrc);
        newest.or_else(|| announced().map(|known| known.ssrc))
    }
}
