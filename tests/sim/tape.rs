//! A full trace of a simulated core, for whoever wants to see a run again with `tsuji replay`.

use tsuji_core::trace::{Header, Kind, Recorder, Secrets, seal};
use tsuji_core::{Config, Input, Output, Sfu, Time, WallTime};

/// Keeps a trace in memory.
#[derive(Debug)]
pub(crate) struct Tape {
    recorder: Recorder,
    file: Vec<u8>,
}

impl Tape {
    /// For an `Sfu` that was made with the same.
    pub(crate) fn new(config: &Config, seed: [u8; 32], epoch: WallTime, sfu: &Sfu) -> Self {
        let header = Header {
            build: "simulation".to_owned(),
            kind: Kind::Full,
            shard: config.shard.into(),
            segment: 0,
            hermetic: sfu.is_hermetic(),
            epoch,
            addresses: config.addresses.clone(),
            limits: config.limits.clone(),
            secrets: Some(Secrets {
                seed,
                certificate: config.certificate.clone(),
            }),
        };
        Self {
            recorder: Recorder::new(&config.addresses),
            file: header.to_bytes(),
        }
    }

    pub(crate) fn begin(&mut self, t: Time, input: &Input<'_>) {
        self.recorder.begin(t, input);
    }

    pub(crate) fn output(&mut self, output: &Output) {
        self.recorder.output(output);
    }

    /// The file of everything so far.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        let start = self.file.len();
        self.file.append(&mut self.recorder.finish().bytes);
        seal(&mut self.file[start..]);
        self.file
    }
}
