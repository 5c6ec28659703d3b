//! What str0m has to say, after each change: datagrams, events, and until when it waits.

use std::time::Duration;

use str0m::{IceConnectionState, Input, Output, RtcError};

use super::connection::Connection;
use super::environment::Environment;
use super::fault::Fault;
use super::sender::is_rtcp;
use super::{Effects, Event, is_stun};
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
        let route = &mut self.route;
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
                        // It reports on streams that it never sees anything of.
                        if is_rtcp(contents) {
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
                    Output::Event(event) => effects.events.extend(translate(event)),
                }
            }
        })?;
        if let Some(material) = self.seam.keying_material() {
            self.sender.agreed(&material);
        }
        let due = environment.time(waits.map_err(Fault::from)?);
        // Once there are keys, nothing of str0m's is urgent but answers, which it gives at once.
        self.due = Some(match self.sender.keys() {
            Some(_) => due.moment(),
            None => due,
        });
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

fn translate(event: str0m::Event) -> Option<Event> {
    match event {
        str0m::Event::Connected => Some(Event::Connected),
        str0m::Event::IceConnectionStateChange(state) => match state {
            IceConnectionState::Disconnected => Some(Event::Disconnected),
            IceConnectionState::Connected | IceConnectionState::Completed => {
                Some(Event::Reconnected)
            }
            IceConnectionState::New | IceConnectionState::Checking => None,
        },
        str0m::Event::Closed => Some(Event::Closed),
        _ => None,
    }
}
