//! What str0m has to say, after each change: datagrams, packets, events, and until when it waits.

use std::time::Duration;

use str0m::{Input, Output, RtcError};

use super::codecs;
use super::connection::Connection;
use super::convert::{media_packet, translate};
use super::environment::Environment;
use super::fault::Fault;
use super::sender::is_rtcp;
use super::{Effects, Event, Line, is_stun};
use crate::ids::Layer;
use crate::output::Transmit;
use crate::time::Time;

/// How often str0m may ask for the same moment again before it is made to wait a millisecond.
const MAX_ROUNDS: usize = 64;

/// How long to wait then. 1 ms.
const BUSY: Duration = Duration::from_millis(1);

/// Of nobody: who asks for the route with feedback that never leaves.
const NOBODY: u32 = 1;

impl Connection {
    /// Takes everything that str0m has to say, until it only waits. Due after every change, or
    /// packets are lost.
    pub(super) fn drain(
        &mut self,
        t: Time,
        environment: &Environment,
        effects: &mut Effects,
    ) -> Result<(), Fault> {
        self.take(t, environment, effects, false)
    }

    /// The same; `time`: str0m is given the present time first.
    pub(super) fn take(
        &mut self,
        t: Time,
        environment: &Environment,
        effects: &mut Effects,
        time: bool,
    ) -> Result<(), Fault> {
        let now = environment.instant(t);
        let (sources, numbers) = (&mut self.sources, &mut self.numbers);
        let (capture, route) = (&mut self.capture, &mut self.route);
        let sender = &self.sender;
        let waits = self.seam.call(|rtc| {
            if time {
                rtc.handle_input(Input::Timeout(now))?;
            }
            let mut rounds = 0;
            loop {
                match rtc.poll_output()? {
                    Output::Timeout(at) if at > now => return Ok::<_, RtcError>(at),
                    Output::Timeout(_) if rounds == MAX_ROUNDS => return Ok(now + BUSY),
                    Output::Timeout(_) => {
                        rounds += 1;
                        rtc.handle_input(Input::Timeout(now))?;
                    }
                    Output::Transmit(transmit) => {
                        let contents = &transmit.contents;
                        if is_rtcp(contents) && sender.collides(contents) {
                            tracing::warn!("a report was not sent: its SSRC is taken");
                            continue;
                        }
                        let path = environment.path(&transmit).map(|path| {
                            // Checks are answered where they come from.
                            match is_stun(contents) {
                                true => path,
                                false => route.of(t, path),
                            }
                        });
                        let whole = |path| Transmit::new(path, transmit.contents.into());
                        effects.transmits.extend(path.map(whole));
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
                    Output::Event(event) => effects.events.extend(translate(event)),
                }
            }
        })?;
        if let Some(material) = self.seam.keying_material() {
            self.sender.agreed(&material);
        }
        self.numbers.done_until(t);
        self.due = Some(environment.time(waits.map_err(Fault::from)?));
        Ok(())
    }

    /// Finds out where the ICE agent would send, which it says of what it sends alone: it is given feedback
    /// to send, which does not leave. Due when str0m has nothing else to say.
    pub(super) fn ask_for_route(
        &mut self,
        t: Time,
        environment: &Environment,
    ) -> Result<(), Fault> {
        let transmit = self.seam.call(|rtc| {
            let nobody = NOBODY.into();
            let mut direct = rtc.direct_api();
            direct.send_app_specific_feedback(nobody, nobody, []);
            match rtc.poll_output()? {
                Output::Transmit(transmit) => Ok::<_, RtcError>(Some(transmit)),
                Output::Event(_) | Output::Timeout(_) => Ok(None),
            }
        })?;
        let transmit = transmit.map_err(Fault::from)?;
        if let Some(path) = transmit.and_then(|transmit| environment.path(&transmit)) {
            self.route.of(t, path);
        }
        Ok(())
    }
}
