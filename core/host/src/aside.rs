//! Answering an operator, on an address of its own: a few small things by HTTP, each from a thread of its
//! own, beside the server and not in its way.
#![expect(
    clippy::disallowed_types,
    reason = "whoever asks how the server is must get an answer also when a runtime hangs"
)]

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// Bytes of a request's head. 8 KiB: a program or a browser asks, with few fields.
const HEAD: usize = 8 * 1024;
/// How long one answer may take, with its request. 2 s: it is for a machine nearby.
const PATIENCE: Duration = Duration::from_secs(2);
/// Connections at the same time; one more waits. 8: Prometheus has one, a browser six.
const CONNECTIONS: usize = 8;
/// How long it waits before it looks again whether one has ended, or whether the system has
/// descriptors again. 20 ms: less than anybody notices.
const PAUSE: Duration = Duration::from_millis(20);
/// How long it goes on at most after the server has ended.
const LOOK: Timespec = Timespec {
    tv_sec: 1,
    tv_nsec: 0,
};

/// Text.
pub(crate) const PLAIN: &str = "text/plain; charset=utf-8";

/// Whoever answers.
pub(crate) trait Answers: Send + Sync + 'static {
    /// What its threads are called.
    const NAME: &'static str;

    /// Answers a GET of a path, without its query, and with it.
    fn answer(self: &Arc<Self>, path: &str, query: &str) -> Answer;
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Code and reason.
    pub(crate) status: &'static str,
    /// Its media type.
    pub(crate) kind: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn new(status: &'static str, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            kind: kind.to_owned(),
            body: body.into(),
        }
    }
}

/// Answers until nobody else holds `answers`. `listener` does not block.
pub(crate) fn serve<A: Answers>(listener: TcpListener, answers: Arc<A>) -> io::Result<()> {
    let work = move || {
        let busy = Arc::<AtomicUsize>::default();
        let weak = Arc::downgrade(&answers);
        drop(answers);
        loop {
            match poll(&mut [PollFd::new(&listener, PollFlags::IN)], Some(&LOOK)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => {
                    tracing::error!(%error, "waiting for questions about the server failed");
                    return;
                }
            }
            let Some(answers) = weak.upgrade() else {
                return;
            };
            if busy.load(Ordering::SeqCst) >= CONNECTIONS {
                thread::park_timeout(PAUSE);
                continue;
            }
            match listener.accept() {
                Ok((stream, _)) => answer_beside(stream, answers, &busy),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => {
                    tracing::debug!(%error, "nobody could ask how the server is");
                    thread::park_timeout(PAUSE);
                }
            }
        }
    };
    thread::Builder::new()
        .name(A::NAME.to_owned())
        .spawn(work)
        .map(drop)
}

/// One who is slow does not keep the others waiting.
fn answer_beside<A: Answers>(stream: TcpStream, answers: Arc<A>, busy: &Arc<AtomicUsize>) {
    busy.fetch_add(1, Ordering::SeqCst);
    let done = Done(Arc::clone(busy));
    let answer = move || {
        let _done = done;
        if let Err(error) = answer(stream, &answers) {
            tracing::debug!(%error, "a question about the server was not answered");
        }
    };
    let thread = thread::Builder::new().name(A::NAME.to_owned());
    // Without a thread it is dropped, and its connection with it.
    let _ = thread.spawn(answer);
}

struct Done(Arc<AtomicUsize>);

impl Drop for Done {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn answer<A: Answers>(mut stream: TcpStream, answers: &Arc<A>) -> io::Result<()> {
    let end = Instant::now() + PATIENCE;
    stream.set_nonblocking(false)?;
    let mut head = Vec::new();
    let response = loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let mut bytes = [0; 1024];
        match stream.read(&mut bytes)? {
            0 => return Ok(()),
            length => head.extend_from_slice(&bytes[..length]),
        }
        if let Some(response) = respond(&head, answers) {
            break response;
        }
    };
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(&response)?;
    stream.shutdown(std::net::Shutdown::Write)?;
    // What it sent besides would else make the system throw the answer away.
    let _ = stream.read(&mut [0; 1024]);
    Ok(())
}

/// `None` while the head is not all there.
fn respond<A: Answers>(head: &[u8], answers: &Arc<A>) -> Option<Vec<u8>> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut fields);
    let whole = match request.parse(head) {
        Ok(status) => status.is_complete(),
        Err(_) => {
            let answer = Answer::new("400 Bad Request", PLAIN, "This is not HTTP.\n");
            return Some(response(&answer, false));
        }
    };
    if !whole && head.len() <= HEAD {
        return None;
    }
    let head_only = request.method == Some("HEAD");
    let target = request.path.unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let answer = match request.method {
        _ if !whole => Answer::new("431 Request Header Fields Too Large", PLAIN, "Too long.\n"),
        Some("GET" | "HEAD") => answers.answer(path, query),
        _ => Answer::new("405 Method Not Allowed", PLAIN, "This can only be read.\n"),
    };
    Some(response(&answer, head_only))
}

fn response(answer: &Answer, head_only: bool) -> Vec<u8> {
    let Answer { status, kind, body } = answer;
    let length = body.len();
    let allow = if status.starts_with("405") {
        "Allow: GET, HEAD\r\n"
    } else {
        ""
    };
    let mut response = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{allow}\
         Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\
         Referrer-Policy: no-referrer\r\n\
         Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; \
         connect-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'\r\n\
         Connection: close\r\n\r\n"
    )
    .into_bytes();
    if !head_only {
        response.extend_from_slice(body);
    }
    response
}
