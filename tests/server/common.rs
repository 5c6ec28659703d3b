//! A real server process and small clients for it. Everything waits on events, with a timeout.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tsuji_tests::support::Program;
use tungstenite::protocol::CloseFrame;
use tungstenite::{Message, WebSocket};

/// How long anything may take before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A running server, killed when dropped.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    media: mpsc::Receiver<SocketAddr>,
    _stdout: BufReader<ChildStdout>,
}

impl Server {
    /// Starts one on free ports.
    pub(crate) fn start(program: &Program) -> Self {
        Self::start_as(&mut Command::new(program.executable()))
    }

    /// Starts one that `command` runs with the arguments that it is given.
    pub(crate) fn start_as(command: &mut Command) -> Self {
        let mut child = command
            .args(["--listen", "127.0.0.1:0", "--udp", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line
            .split_once("open http://")
            .and_then(|(_, url)| url.split_once('/'))
            .and_then(|(address, _)| address.parse().ok())
            .unwrap_or_else(|| panic!("unexpected first line {line:?}"));
        let media = media_addresses(&mut child);
        Self {
            child,
            address,
            media,
            _stdout: stdout,
        }
    }

    /// Where it receives media.
    pub(crate) fn media(&self) -> SocketAddr {
        let address = self.media.recv_timeout(PATIENCE);
        address.expect("the log tells the UDP address")
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Asks for `path` on a new connection.
    pub(crate) fn get(&self, path: &str, more: &[(&str, &str)]) -> Response {
        let mut stream = self.connect();
        request(&mut stream, path, more);
        read_response(&mut BufReader::new(stream))
    }

    pub(crate) fn websocket(&self) -> Socket {
        let url = format!("ws://{}/ws", self.address);
        let (socket, _) = tungstenite::client(url, self.connect()).unwrap();
        Socket(socket)
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }

    /// Waits for the end and tells the exit code.
    pub(crate) fn wait(&mut self, patience: Duration) -> Option<i32> {
        wait(&mut self.child, patience)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until the process has closed its stderr, which it does by ending, then for its exit code.
pub(crate) fn wait(child: &mut Child, patience: Duration) -> Option<i32> {
    let (done, ended) = mpsc::channel();
    let id = rustix::process::Pid::from_child(child);
    thread::spawn(move || {
        let options =
            rustix::process::WaitIdOptions::EXITED | rustix::process::WaitIdOptions::NOWAIT;
        let _ = rustix::process::waitid(rustix::process::WaitId::Pid(id), options);
        let _ = done.send(());
    });
    ended
        .recv_timeout(patience)
        .expect("the process ends in time");
    child.wait().unwrap().code()
}

/// Reads the log, so that the server never waits for us, and gives the UDP addresses in it.
fn media_addresses(child: &mut Child) -> mpsc::Receiver<SocketAddr> {
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let (found, addresses) = mpsc::channel();
    thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            if let Some((_, rest)) = line.split_once("socket=") {
                let address = rest.split_whitespace().next().unwrap_or_default();
                let _ = found.send(address.parse().unwrap());
            }
        }
    });
    addresses
}

/// Writes a GET request.
pub(crate) fn request(stream: &mut TcpStream, path: &str, more: &[(&str, &str)]) {
    let mut head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n");
    for (name, value) in more {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).unwrap();
}

/// An HTTP response.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// Reads one response, by its `Content-Length`.
pub(crate) fn read_response(stream: &mut BufReader<TcpStream>) -> Response {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(stream.read_line(&mut head).unwrap(), 0, "cut off: {head:?}");
    }
    let status = head[9..12].parse().unwrap();
    let mut response = Response {
        status,
        head,
        body: Vec::new(),
    };
    let length = response
        .header("content-length")
        .map_or(0, |length| length.parse().unwrap());
    if status != 304 {
        response.body.resize(length, 0);
        stream.read_exact(&mut response.body).unwrap();
    }
    response
}

/// A client's WebSocket.
pub(crate) struct Socket(pub(crate) WebSocket<TcpStream>);

impl Socket {
    pub(crate) fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).unwrap();
    }

    /// The next message from the server.
    pub(crate) fn receive(&mut self) -> Value {
        // The server pings every 5 s; so this ends, although each frame comes in time.
        for _ in 0..4 {
            match self.0.read().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("unexpected {other:?}"),
            }
        }
        panic!("only pings come");
    }

    /// The next message of type `name`; others are skipped.
    pub(crate) fn receive_type(&mut self, name: &str) -> Value {
        loop {
            let message = self.receive();
            if message["type"] == name {
                return message;
            }
        }
    }

    /// Everything up to the close frame, and that.
    pub(crate) fn until_close(&mut self) -> (Vec<Value>, Option<CloseFrame>) {
        let mut messages = Vec::new();
        loop {
            match self.0.read().unwrap() {
                Message::Text(text) => messages.push(serde_json::from_str(&text).unwrap()),
                Message::Close(frame) => return (messages, frame),
                _ => {}
            }
        }
    }
}
