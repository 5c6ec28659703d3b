//! The server as a process of its own.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::network::Namespace;
use super::program::Program;

/// How long it may take to print its address, or to log something. 10 s: a test machine may be busy with browsers.
const START: Duration = Duration::from_secs(10);
/// How long it may take to stop. It promises 2 s; a busy machine gets 3 more.
const STOP: Duration = Duration::from_secs(5);

/// A running server, stopped by SIGTERM when it is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    scheme: String,
    address: SocketAddr,
    log: Arc<Log>,
    /// Closed when the process has ended.
    output: mpsc::Receiver<String>,
    stopped: bool,
}

impl Server {
    /// Starts it on free ports of the loopback address and waits until it is ready.
    pub fn start(program: &Program) -> Self {
        Self::start_with(program, &[])
    }

    /// As [`Server::start`], with more arguments.
    pub fn start_with(program: &Program, arguments: &[&OsStr]) -> Self {
        let listen = ["--listen", "127.0.0.1:0"].map(OsStr::new);
        Self::start_at(program, &[&listen, arguments].concat())
    }

    /// As [`Server::start_with`], where the arguments say where to listen.
    pub fn start_at(program: &Program, arguments: &[&OsStr]) -> Self {
        let mut command = Command::new(program.executable());
        command.args(["--udp", "127.0.0.1:0"]);
        Self::start_as(command.args(arguments))
    }

    /// Starts it with these arguments and no others.
    pub fn start_alone(program: &Program, arguments: &[&OsStr]) -> Self {
        Self::start_as(Command::new(program.executable()).args(arguments))
    }

    /// Starts it inside a namespace, with all the arguments that it needs.
    pub fn start_in(place: &Namespace, program: &Program, arguments: &[&OsStr]) -> Self {
        Self::start_as(place.command(program.executable()).args(arguments))
    }

    fn start_as(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let log = Arc::<Log>::default();
        keep(child.stderr.take().expect("it was piped"), Arc::clone(&log));
        let output = lines(child.stdout.take().expect("it was piped"));
        let ready = output.recv_timeout(START);
        let found = ready.ok().as_deref().and_then(address_in);
        let Some((scheme, address)) = found else {
            let _ = child.kill();
            panic!("the server printed no address; its log:\n{}", log.read());
        };
        Self {
            child,
            scheme,
            address,
            log,
            output,
            stopped: false,
        }
    }

    /// Where it listens (TCP).
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of a page, for example of `/r/KUMA-ARE-TSUJ`.
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    /// The next line that it prints, after the one with its address.
    pub fn says(&self) -> String {
        let line = self.output.recv_timeout(START);
        line.unwrap_or_else(|_| panic!("the server says nothing more; its log:\n{}", self.log()))
    }

    /// The id of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.log.read()
    }

    /// Waits until it has logged a line with this text; gives the line.
    pub fn logs(&self, text: &str) -> String {
        self.log.wait(text, 1)
    }

    /// Waits until it has logged so many lines with this text; gives the last of them.
    pub fn logs_times(&self, text: &str, times: usize) -> String {
        self.log.wait(text, times)
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }

    /// Ends it as when its power goes (SIGKILL).
    pub fn kill(mut self) {
        self.stopped = true;
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Stops it as an administrator does. Fails where it does not end well and in time, or where
    /// it has logged an error.
    pub fn stop(self) {
        let log = self.stop_after_trouble();
        assert!(!log.contains("ERROR"), "the server logged:\n{log}");
    }

    /// As [`Server::stop`], where errors were to be logged; gives the log.
    pub fn stop_after_trouble(mut self) -> String {
        let status = self.end();
        let log = self.log();
        assert!(
            status.is_some_and(|status| status.success()),
            "after SIGTERM the server ended with {status:?}; its log:\n{log}"
        );
        log
    }

    /// `None` when it had to be killed.
    fn end(&mut self) -> Option<ExitStatus> {
        self.stopped = true;
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        while let Ok(_line) = self.output.recv_timeout(STOP) {}
        // Its end has closed the output; else it is late.
        let status = self.child.try_wait().ok().flatten();
        if status.is_none() && !self.has_closed_output() {
            let _ = self.child.kill();
            let _ = self.child.wait();
            return None;
        }
        self.child.wait().ok()
    }

    fn has_closed_output(&self) -> bool {
        matches!(
            self.output.try_recv(),
            Err(mpsc::TryRecvError::Disconnected)
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.stopped {
            self.end();
        }
        if thread::panicking() {
            eprintln!("the server's log:\n{}", self.log());
        }
    }
}

/// `tsuji is ready: open http://127.0.0.1:8080/`
fn address_in(line: &str) -> Option<(String, SocketAddr)> {
    let (scheme, rest) = line.split_whitespace().last()?.split_once("://")?;
    let address = rest.trim_end_matches('/').parse().ok()?;
    Some((scheme.to_owned(), address))
}

fn lines(from: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    receiver
}

fn keep(from: impl Read + Send + 'static, log: Arc<Log>) {
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            log.push(&line);
        }
    });
}

/// What a process has logged so far.
#[derive(Debug, Default)]
struct Log {
    text: Mutex<String>,
    more: Condvar,
}

impl Log {
    fn push(&self, line: &str) {
        let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        text.push_str(line);
        text.push('\n');
        self.more.notify_all();
    }

    fn read(&self) -> String {
        let text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        text.clone()
    }

    fn wait(&self, wanted: &str, times: usize) -> String {
        let line = |text: &str| {
            let lines = text.lines().filter(|line| line.contains(wanted));
            lines.take(times).nth(times - 1).map(str::to_owned)
        };
        let text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .more
            .wait_timeout_while(text, START, |text| line(text).is_none());
        let (text, _) = waited.unwrap_or_else(PoisonError::into_inner);
        line(&text).unwrap_or_else(|| panic!("the server never logged {wanted:?}:\n{text}"))
    }
}
