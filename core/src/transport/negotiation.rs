//! Offers, answers and candidates of a connection, and ICE restarts.

use serde::{Deserialize, Serialize};
use str0m::change::{SdpAnswer, SdpApi, SdpPendingOffer};
use str0m::media::Direction;
use str0m::{Candidate, IceCreds, Rtc, RtcError};

use super::codecs;
use super::connection::Connection;
use super::description::{
    add_slot, complete, is_mdns, layers_of, to_str0m, with_credentials, within_limits,
};
use super::environment::{Environment, candidate};
use super::fault::Fault;
use super::{Credentials, Line, SendLine, extension, words};
use crate::forward::SlotCounts;
use crate::ids::{MediaKind, Source};
use crate::input::IceMode;
use crate::limits::Limits;
use crate::output::CommandError;
use crate::time::Time;

/// An offer, ready to be sent.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Description {
    /// Holds an ICE password, so no trace of decisions has it.
    #[serde(skip)]
    pub(crate) sdp: String,
    /// The m-lines of the slots that it adds, in order.
    pub(crate) slots: Vec<(Line, MediaKind)>,
}

/// The outcome of an answer that did not end the connection.
pub(crate) type AnswerResult = Result<(), CommandError>;

pub(super) struct PendingOffer {
    offer: SdpPendingOffer,
    restart: Option<Restart>,
}

/// The credentials of an ICE restart.
struct Restart {
    /// As str0m made them: not from a generator that is good enough, and without a name in front.
    made: IceCreds,
    /// What stands in their place.
    ours: Credentials,
}

impl std::fmt::Debug for PendingOffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PendingOffer")
    }
}

impl Connection {
    /// Adds the server's candidates; gives their attribute lines.
    pub(crate) fn add_local_candidates(
        &mut self,
        environment: &Environment,
    ) -> Result<Vec<String>, Fault> {
        let addresses = &environment.addresses;
        let lines = self.seam.call(|rtc| {
            let mut lines = Vec::with_capacity(addresses.len());
            for address in addresses {
                let candidate = candidate(address).map_err(RtcError::Ice)?;
                lines.extend(
                    rtc.add_local_candidate(candidate)
                        .map(Candidate::to_sdp_string),
                );
            }
            Ok::<_, RtcError>(lines)
        })??;
        Ok(lines)
    }

    /// The first offer: the lines on which the participant sends, by source, and `slots` lines on
    /// which it receives.
    pub(crate) fn first_offer(
        &mut self,
        slots: SlotCounts,
        ice: IceMode,
    ) -> Result<(Description, [Line; Source::ALL.len()]), Fault> {
        let none = SlotCounts::default();
        let (description, publish) = self.offer(none, slots, ice, None, |changes| {
            Source::ALL.map(|source| {
                let kind = to_str0m(source.kind());
                let simulcast = layers_of(source);
                Line(changes.add_media(kind, Direction::RecvOnly, None, None, simulcast))
            })
        })?;
        self.receiver.publish(&publish);
        self.sender.offered(publish.into_iter());
        Ok((description, publish))
    }

    /// A later offer: `slots` more after the `existing` ones. `restart`: with these it restarts ICE
    /// (RFC 8839, 4.4.1.1.1).
    pub(crate) fn further_offer(
        &mut self,
        existing: SlotCounts,
        slots: SlotCounts,
        ice: IceMode,
        restart: Option<Credentials>,
    ) -> Result<Description, Fault> {
        let (description, ()) = self.offer(existing, slots, ice, restart, |_| ())?;
        Ok(description)
    }

    fn offer<P>(
        &mut self,
        existing: SlotCounts,
        slots: SlotCounts,
        ice: IceMode,
        restart: Option<Credentials>,
        publish: impl FnOnce(&mut SdpApi<'_>) -> P,
    ) -> Result<(Description, P), Fault> {
        let (present, sender) = (&self.credentials, &mut self.sender);
        let (description, pending, publish) = self
            .seam
            .call(|rtc| {
                sender.negotiate(rtc, |rtc| {
                    let mut changes = rtc.sdp_api();
                    let publish = publish(&mut changes);
                    let mut add = |kind, first, count| {
                        let numbers = first..first + count;
                        let add = |number| (add_slot(&mut changes, kind, number), kind);
                        numbers.map(add).collect::<Vec<_>>()
                    };
                    let mut lines = add(MediaKind::Audio, existing.audio, slots.audio);
                    lines.extend(add(MediaKind::Video, existing.video, slots.video));
                    let restart = restart.map(|ours| Restart {
                        made: changes.ice_restart(true),
                        ours,
                    });
                    let (offer, offered) = changes.apply()?;
                    let mut sdp = offer.to_sdp_string();
                    if let Some(Restart { made, ours }) = &restart {
                        sdp = with_credentials(&sdp, made, present, ours);
                    }
                    let pending = PendingOffer {
                        offer: offered,
                        restart,
                    };
                    let sdp = match ice {
                        IceMode::Trickle => sdp,
                        IceMode::Vanilla => complete(&sdp),
                    };
                    let description = Description { sdp, slots: lines };
                    Some((description, pending, publish))
                })
            })?
            .ok_or(Fault::NothingToOffer)?;
        sender.offered(description.slots.iter().map(|(line, _)| *line));
        self.pending = Some(pending);
        Ok((description, publish))
    }

    /// Takes the answer to the open offer. A description that can't be read leaves the offer open;
    /// one that contradicts it is a fault, because str0m has by then taken parts of it over.
    pub(crate) fn answer(&mut self, sdp: &str, limits: &Limits) -> Result<AnswerResult, Fault> {
        if let Err(error) = within_limits(sdp, limits) {
            return Ok(Err(error));
        }
        let parsed = self
            .seam
            .call_isolated(|_| SdpAnswer::from_sdp_string(sdp))?;
        let answer = match parsed {
            Ok(answer) => answer,
            Err(error) => return Ok(Err(CommandError::BadDescription(words::about(sdp, &error)))),
        };
        if !extension::keeps_its_id(&answer.to_sdp_string()) {
            let error = "a=extmap: another number for the extension than in the offer".to_owned();
            return Ok(Err(CommandError::BadDescription(error)));
        }
        let Some(PendingOffer { offer, restart }) = self.pending.take() else {
            return Ok(Err(CommandError::UnexpectedAnswer));
        };
        let (sender, receiver) = (&mut self.sender, &mut self.receiver);
        let accept = |rtc: &mut Rtc| rtc.sdp_api().accept_answer(offer, answer);
        self.seam
            .call_isolated(|rtc| {
                let accepted = sender.negotiate(rtc, accept);
                receiver.negotiated(rtc);
                accepted
            })?
            .map_err(|error| Fault::BadAnswer(error.to_string()))?;
        if let Some(restart) = restart {
            self.restart(restart)?;
        }
        self.due = Some(Time::ZERO);
        Ok(Ok(()))
    }

    /// The peer has answered an offer with new credentials. If its own are as they were, it restarts
    /// nothing, and neither does str0m.
    fn restart(&mut self, Restart { made, ours }: Restart) -> Result<(), Fault> {
        let credentials = IceCreds {
            ufrag: ours.ufrag.clone(),
            pass: ours.password.clone(),
        };
        let restarted = self.seam.call(|rtc| {
            let mut direct = rtc.direct_api();
            let restarted = direct.local_ice_credentials() == made;
            if restarted {
                direct.set_local_ice_credentials(credentials);
            }
            restarted
        })?;
        if restarted {
            self.credentials = ours;
            self.remote_candidates = 0;
            self.route.restarted();
        }
        Ok(())
    }

    /// What to send on a slot's line; `None` when the peer refused it.
    pub(crate) fn send_line(&mut self, line: Line) -> Result<Option<SendLine>, Fault> {
        let payload_types = self.seam.call(|rtc| {
            let media = rtc.media(line.0)?;
            if !media.direction().is_sending() {
                return None;
            }
            let agreed = codecs::agreed(rtc.codec_config(), media.remote_pts());
            agreed.iter().any(Option::is_some).then_some(agreed)
        })?;
        Ok(payload_types.map(|payload_types| SendLine {
            line,
            payload_types,
        }))
    }

    /// Repeats nothing of what was sent on a line so far, whoever asks for it.
    pub(crate) fn forget(&mut self, to: SendLine) {
        self.sender.forget(to.line);
    }

    /// Takes a candidate of the peer: an attribute line of RFC 8839, 5.1.
    pub(crate) fn add_remote_candidate(
        &mut self,
        candidate: &str,
        limits: &Limits,
    ) -> Result<AnswerResult, Fault> {
        if candidate.len() > limits.candidate_bytes {
            let error = format!("longer than {} bytes", limits.candidate_bytes);
            return Ok(Err(CommandError::BadCandidate(error)));
        }
        if candidate.contains(char::is_control) {
            let error = "an attribute is one line".to_owned();
            return Ok(Err(CommandError::BadCandidate(error)));
        }
        if self.remote_candidates == limits.candidates {
            return Ok(Err(CommandError::TooManyCandidates(limits.candidates)));
        }
        self.remote_candidates += 1;
        if is_mdns(candidate) {
            return Ok(Ok(()));
        }
        self.due = Some(Time::ZERO);
        let result = self.seam.call(|rtc| {
            Candidate::from_sdp_string(candidate).map(|parsed| rtc.add_remote_candidate(parsed))
        })?;
        Ok(result.map_err(|error| CommandError::BadCandidate(words::about(candidate, &error))))
    }
}
