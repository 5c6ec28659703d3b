//! The `main` of every server: the same options, the same subcommands, the same exit codes.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::{self, ConfigError, Invocation};
use crate::control::Handle;
use crate::doctor::{self, Grade};
use crate::history::tell::{TellError, export, why};
use crate::log::{self, LogFormat};
use crate::options::Options;
use crate::replay::{ReplayFault, ReplayOptions, Verdict, replay};
use crate::signals::Signals;

/// The exit code where options are wrong, wherever they come from.
const WRONG_OPTIONS: u8 = 2;

/// What went wrong, as one sentence.
pub type Failure = Box<dyn std::error::Error>;

/// A server that runs: what to tell its people, how to reach it, and its end.
pub trait Running {
    /// What to open in a browser on this machine.
    fn url(&self) -> String;

    /// The SHA-256 fingerprint of its certificate, if nobody vouches for that.
    fn fingerprint(&self) -> Option<String>;

    /// Reaches it from any thread.
    fn handle(&self) -> Handle;

    /// Returns when it has stopped.
    fn wait(self) -> Result<(), Failure>;
}

/// Does what the command line says; `start` starts a server.
pub fn main<S: Running>(start: impl FnOnce(&Options) -> Result<S, Failure>) -> ExitCode {
    let environment = |name: &str| std::env::var_os(name);
    let result = match config::read(std::env::args_os(), environment) {
        Ok(Invocation::Serve(options)) => serve(&options, start),
        Ok(Invocation::Doctor(options)) => examine(&options),
        Ok(Invocation::Replay(options)) => again(&options),
        Ok(Invocation::Why(options)) => print(|out| why(&options, out)),
        Ok(Invocation::Export(options)) => print(|out| export(&options, out)),
        Ok(Invocation::PrintConfig(text)) => {
            // Whoever closed stdout does not want to read it.
            let _ = io::stdout().write_all(text.as_bytes());
            Ok(ExitCode::SUCCESS)
        }
        Err(ConfigError::CommandLine(error)) => error.exit(),
        Err(error) => {
            let _ = writeln!(io::stderr(), "tsuji: {error}");
            return ExitCode::from(WRONG_OPTIONS);
        }
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            // Nothing can be done about a stderr that is closed.
            let _ = writeln!(io::stderr(), "tsuji: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve<S: Running>(
    options: &Options,
    start: impl FnOnce(&Options) -> Result<S, Failure>,
) -> Result<ExitCode, Failure> {
    log::start(&options.log, options.log_format);
    raise_descriptor_limit();
    let signals = Signals::take(options.drain().is_zero())?;
    let server = start(options)?;
    signals.deliver_to(server.handle())?;
    // Whoever closed stdout does not want to read it.
    let _ = writeln!(io::stdout(), "tsuji is ready: open {}", server.url());
    if let Some(fingerprint) = server.fingerprint() {
        let _ = writeln!(
            io::stdout(),
            "Browsers will warn of its certificate. Its fingerprint (SHA-256) is {fingerprint}"
        );
    }
    server.wait()?;
    Ok(ExitCode::SUCCESS)
}

fn examine(options: &Options) -> Result<ExitCode, Failure> {
    raise_descriptor_limit();
    Ok(match doctor::examine(options, &mut io::stdout())? {
        Grade::Fine | Grade::Warning => ExitCode::SUCCESS,
        Grade::Failure => ExitCode::FAILURE,
    })
}

/// Prints what is told of the history.
fn print(
    tell: impl FnOnce(&mut BufWriter<io::StdoutLock<'static>>) -> Result<(), TellError>,
) -> Result<ExitCode, Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    match tell(&mut out).and_then(|()| Ok(out.flush()?)) {
        // Whoever closed stdout has read enough.
        Err(TellError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {}
        told => told?,
    }
    Ok(ExitCode::SUCCESS)
}

fn again(options: &ReplayOptions) -> Result<ExitCode, Failure> {
    log::start(&options.log, LogFormat::Text);
    let mut out = BufWriter::new(io::stdout().lock());
    let replayed = replay(options, &mut out).and_then(|verdict| {
        out.flush()?;
        Ok(verdict)
    });
    let verdict = match replayed {
        // Whoever closed stdout has read enough.
        Err(ReplayFault::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            return Ok(ExitCode::SUCCESS);
        }
        replayed => replayed?,
    };
    Ok(match verdict {
        Verdict::Equal => ExitCode::SUCCESS,
        Verdict::Different => ExitCode::FAILURE,
        Verdict::Incomplete => ExitCode::from(2),
    })
}

/// Each connection takes a file descriptor. The limit that processes start with (often 1,024) is
/// for old programs that cannot count further; the one that the administrator set is the other.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}
