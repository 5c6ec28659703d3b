//! ICE candidates of a client (RFC 8839, 5.1), one a line: by themselves into the core, or, where
//! a line begins with `{`, as a message through the lobby.

use tsuji_core::{Command, Datagram, IceMode, Input, Limits, Notice, Output, Path};
use tsuji_core::{ParticipantId, RoomId, Time};
use tsuji_signaling::Limits as SignalingLimits;

use crate::signaling::Crowd;
use crate::world::{server, sfu};

/// More than the core takes of one participant.
const LINES: usize = 80;

/// See the module.
///
/// # Panics
/// When a promise is broken.
pub fn target(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let participant = ParticipantId(1);
    let mut sfu = sfu(Limits::default());
    sfu.handle(
        Time::ZERO,
        Input::Command(Command::Enter {
            room: RoomId(1),
            participant,
            ice: IceMode::Trickle,
        }),
    );
    while sfu.poll().is_some() {}
    let mut crowd = Crowd::new(SignalingLimits::default());
    let connection = crowd.open([127, 0, 0, 1].into());
    crowd.text(connection, r#"{"type":"join"}"#);
    crowd.text(connection, r#"{"type":"call","name":"x"}"#);
    crowd.commands.clear();

    let mut now = Time::ZERO;
    for line in text.lines().take(LINES) {
        now = Time::from_micros(now.as_micros() + 50_000);
        let commands = if line.starts_with('{') {
            crowd.now = now;
            crowd.text(connection, line);
            std::mem::take(&mut crowd.commands)
        } else {
            vec![Command::Candidate {
                participant,
                candidate: Some(line.to_owned()),
            }]
        };
        for command in commands {
            let leaves = matches!(command, Command::Leave { .. });
            sfu.handle(now, Input::Command(command));
            check(&mut sfu, leaves);
        }
        // A stranger at an address that a candidate may have named.
        sfu.handle(
            now,
            Input::Datagram(Datagram {
                path: Path::udp(server(), ([198, 51, 100, 7], 50_000).into()),
                payload: &[0x80; 40],
            }),
        );
        sfu.handle(now, Input::Timeout);
        check(&mut sfu, false);
    }
    sfu.handle(now, Input::Command(Command::Leave { participant }));
    check(&mut sfu, true);
    assert_eq!((sfu.participants(), sfu.deadline()), (0, None));
}

/// A candidate is taken or refused. Nothing is sent to where it points: the core is ICE-lite and
/// checks nothing by itself.
fn check(sfu: &mut tsuji_core::Sfu, leaves: bool) {
    let mut outputs = 0;
    while let Some(output) = sfu.poll() {
        outputs += 1;
        match output {
            Output::Transmit(transmit) => panic!("sent to {}", transmit.path.remote),
            Output::Notice(Notice::Refused { .. }) => {}
            Output::Notice(notice) => panic!("caused {notice:?}"),
        }
    }
    assert!(outputs <= 1 || leaves);
}
