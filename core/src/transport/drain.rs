//! What str0m has to say, after each change: datagrams, packets, events, and until when it waits.

use std::time::{Duration, Instant};

use str0m::{Input, Output, Reason, RtcError};

use super::codecs;
use super::connection::{Connection, set_pace};
use super::convert::{media_packet, translate};
use super::environment::Environment;
use super::extension;
use super::fault::Fault;
use super::sources::is_rtp;
use super::{Effects, Event, Line, Pace, is_stun};
use crate::ids::Layer;
use crate::output::Transmit;
use crate::time::Time;

/// How often str0m may ask for the same moment again before it is made to wait a millisecond.
const MAX_ROUNDS: usize = 64;

/// How long to wait then. 1 ms.
const BUSY: Duration = Duration::from_millis(1);

/// What str0m's pacer waits between two packets that need no pace. 1 µs: what is written together leaves
/// together. That it is more than nothing tells its estimator that the first and the last of a probe have
/// a time between them.
const AT_ONCE: Duration = Duration::from_micros(1);

impl Connection {
    /// Takes everything that str0m has to say, until it only waits. Due after every change, or
    /// packets are lost.
    ///
    pub(super) fn drain(
        &mut self,
        t: Time,
        environment: &Environment,
        effects: &mut Effects,
    ) -> Result<(), Fault> {
        self.take(t, environment, effects, false)
    }

    /// The same; `time`: str0m is given the present time first.
    ///
    /// Of packets that were written it gives one for each time that it is given: after each but the last
    /// it need not be asked what it waits for, and after the last neither, where it was calm (`calm`).
    pub(super) fn take(
        &mut self,
        t: Time,
        environment: &Environment,
        effects: &mut Effects,
        time: bool,
    ) -> Result<(), Fault> {
        let written = std::mem::take(&mut self.written);
        let mut written = match time && environment.estimate_bandwidth {
            true => written,
            false => 0,
        };
        let mut now = self.now(t, environment);
        let last = self.calm.last(t);
        let (sources, numbers) = (&mut self.sources, &mut self.numbers);
        let (feedback, estimate) = (&mut self.feedback, &mut self.estimate);
        let (capture, arrivals) = (&mut self.capture, &mut self.arrivals);
        let watches = environment.estimate_bandwidth;
        let (route, pulse) = (&mut self.route, &mut self.pulse);
        let end = self.seam.call(|rtc| {
            if time {
                rtc.handle_input(Input::Timeout(now))?;
            }
            let mut rounds = 0;
            loop {
                match rtc.poll_output()? {
                    Output::Timeout(at) if at > now + AT_ONCE => {
                        return Ok::<_, RtcError>(End::Waits(at, rtc.last_timeout_reason()));
                    }
                    Output::Timeout(_) if rounds == MAX_ROUNDS => return Ok(End::Busy),
                    Output::Timeout(_) => {
                        rounds += 1;
                        now += AT_ONCE;
                        rtc.handle_input(Input::Timeout(now))?;
                    }
                    Output::Transmit(transmit) => {
                        let is_rtp = is_rtp(&transmit.contents);
                        if is_rtp && (watches || feedback.is_beginning()) {
                            for number in extension::numbers(&transmit.contents) {
                                feedback.sent(number);
                                arrivals.sent(t, number, &transmit.contents);
                            }
                        }
                        let number = sequence_number(&transmit.contents).filter(|_| is_rtp);
                        let path = environment.path(&transmit).map(|path| {
                            // Checks are answered where they come from.
                            match is_stun(&transmit.contents) {
                                true => path,
                                false => route.of(t, path),
                            }
                        });
                        effects.transmits.extend(path.map(|path| Transmit {
                            path,
                            payload: transmit.contents.into(),
                        }));
                        if is_rtp && written > 1 {
                            written -= 1;
                            now += AT_ONCE;
                            rtc.handle_input(Input::Timeout(now))?;
                        } else if written == 1 && last.is_some() && number == last {
                            return Ok(End::Left);
                        }
                    }
                    Output::Event(str0m::Event::RtpPacket(packet)) => {
                        if let Some(number) = packet.header.ext_vals.transport_cc {
                            numbers.told_of(number);
                        }
                        let place = sources.place_of(rtc, packet.header.ssrc);
                        let payload_type = packet.header.payload_type;
                        let codec = codecs::of_payload_type(rtc.codec_config(), payload_type);
                        if let (Some(place), Some(codec)) = (place, codec) {
                            let stream = ((place.line, place.layer()), *packet.header.ssrc);
                            let timestamp = packet.header.timestamp;
                            let age = capture.age(t, stream, timestamp, codec.clock_rate());
                            let packet = media_packet(packet, place, codec, age);
                            effects.events.push(Event::Packet(packet));
                        }
                    }
                    Output::Event(str0m::Event::SenderFeedback(feedback)) => {
                        let layer = feedback.rid.and_then(|rid| Layer::from_rid(&rid));
                        let stream = (Line(feedback.mid), layer.unwrap_or(Layer::Full));
                        capture.report(t, stream, &feedback.sender_info);
                    }
                    Output::Event(event) => {
                        if matches!(event, str0m::Event::Connected) {
                            pulse.woken(t);
                        }
                        let bits = estimate.hear(&event).map(Event::Estimate);
                        effects.events.extend(bits.or_else(|| translate(event)));
                    }
                }
            }
        })?;
        self.shown = now;
        self.numbers.done_until(t);
        let pads = self.pace.least > 0;
        match end.map_err(Fault::from)? {
            End::Waits(at, reason) => {
                let at = environment.time(at);
                let due = self.pulse.next(t, at, reason, pads);
                self.calm.waits(at, reason, pads, due);
            }
            End::Left => {}
            End::Busy => self.calm.busy(t + BUSY),
        }
        self.deadline = self.calm.due();
        if environment.estimate_bandwidth
            && let Some(rests) = self.pulse.turn(t)
        {
            let pace = if rests { Pace::default() } else { self.pace };
            self.seam.call(|rtc| set_pace(rtc, pace))?;
        }
        Ok(())
    }
}

/// The sequence number of an RTP packet (RFC 3550, 5.1).
fn sequence_number(packet: &[u8]) -> Option<u16> {
    let bytes = packet.get(2..4)?;
    Some(u16::from_be_bytes([bytes[0], bytes[1]]))
}

/// How str0m was left.
enum End {
    /// It waits for a moment, and why.
    Waits(Instant, Reason),
    /// The last packet was out, and nothing else under way.
    Left,
    /// It wants the same moment again and again.
    Busy,
}
