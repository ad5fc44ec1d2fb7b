//! A stand-in for the driver, a receiver on a port of its own, and the clients to call it with.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Mutex as FairMutex, Notify, mpsc, watch};
use tokio::task::JoinHandle;

use crate::driver::{Phase, Receipt, Refusal, Signal};
use crate::receiver::{Address, Intake, Options, Traffic, bind, serve};
use crate::relay::budget::{Budget, Charge};
use crate::relay::frame::Frame;
use crate::relay::{Transport, TurnedAway};

/// Room in the order of asking, and a note of everything that happened.
pub(super) struct Fake {
    pub(super) budget: Budget,
    line: FairMutex<()>,
    asked: AtomicUsize,
    came_back: Arc<Notify>,
    phase: watch::Sender<Phase>,
    pub(super) frames: Mutex<Vec<Frame>>,
    pub(super) transports: Mutex<Vec<Transport>>,
    pub(super) turned_away: Mutex<Vec<(TurnedAway, u64)>>,
    pub(super) discarded: Mutex<Vec<Signal>>,
}

impl Fake {
    fn new(budget: usize) -> Arc<Fake> {
        let came_back = Arc::new(Notify::new());
        let notify = came_back.clone();
        Arc::new(Fake {
            budget: Budget::with_listener(budget, Box::new(move || notify.notify_one())),
            line: FairMutex::new(()),
            asked: AtomicUsize::new(0),
            came_back,
            phase: watch::Sender::new(Phase::Serving),
            frames: Mutex::default(),
            transports: Mutex::default(),
            turned_away: Mutex::default(),
            discarded: Mutex::default(),
        })
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// What was admitted and is held, as bytes.
    pub(super) fn bodies(&self) -> Vec<Vec<u8>> {
        self.frames.lock().unwrap().iter().map(|frame| frame.bytes().to_vec()).collect()
    }

    pub(super) fn turned_away(&self) -> Vec<(TurnedAway, u64)> {
        self.turned_away.lock().unwrap().clone()
    }

    /// Waits until so many were turned away.
    pub(super) async fn turns_away(&self, count: usize) -> Vec<(TurnedAway, u64)> {
        for _ in 0..400 {
            if count <= self.turned_away().len() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.turned_away()
    }
}

impl Intake for Fake {
    async fn room(&self, bytes: usize, patience: Duration) -> Option<Charge> {
        let wait = async {
            let mut turn = std::pin::pin!(self.line.lock());
            let first = std::future::poll_fn(|cx| Poll::Ready(turn.as_mut().poll(cx))).await;
            self.asked.fetch_add(1, Ordering::Relaxed);
            let _turn = match first {
                Poll::Ready(turn) => turn,
                Poll::Pending => turn.await,
            };
            loop {
                if let Some(charge) = self.budget.charge(bytes) {
                    return charge;
                }
                self.budget.want_room();
                if let Some(charge) = self.budget.charge(bytes) {
                    return charge;
                }
                self.came_back.notified().await;
            }
        };
        tokio::time::timeout(patience, wait).await.ok()
    }

    fn admit(&self, frame: Frame, transport: Transport) -> Result<Receipt, Refusal> {
        match &frame.bytes()[..] {
            body if body.starts_with(b"BAD") => Err(Refusal::Malformed("span 3: field 99 ends early".into())),
            body if body.starts_with(b"FULL") => Err(Refusal::Full),
            body if body.starts_with(b"MANY") => Err(Refusal::TooLarge),
            body if body.starts_with(b"IDS") => Ok(Receipt { accepted: 1, rejected_trace_id: 2, ..Receipt::default() }),
            _ => {
                self.frames.lock().unwrap().push(frame);
                self.transports.lock().unwrap().push(transport);
                Ok(Receipt { accepted: 1, ..Receipt::default() })
            }
        }
    }

    fn turn_away(&self, reason: TurnedAway, bytes: u64) {
        self.turned_away.lock().unwrap().push((reason, bytes));
    }

    fn discard(&self, signal: Signal) {
        self.discarded.lock().unwrap().push(signal);
    }

    fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    async fn reached(&self, phase: Phase) {
        let _ = self.phase.subscribe().wait_for(|now| phase <= *now).await;
    }
}

/// A receiver at work.
pub(super) struct Served {
    pub(super) fake: Arc<Fake>,
    pub(super) addr: SocketAddr,
    pub(super) traffic: Arc<Traffic>,
    pub(super) task: JoinHandle<()>,
}

pub(super) const BUDGET: usize = 4 << 20;

pub(super) fn options() -> Options {
    Options {
        listen: Vec::new(),
        max_request_size: 1 << 20,
        hold: Duration::from_millis(300),
        connections_max: 32,
        streams_max: 32,
        window: 256 * 1024,
        read_timeout: Duration::from_millis(400),
        instance: "me-7".into(),
        seed: 7,
    }
}

pub(super) async fn start() -> Served {
    start_with(BUDGET, options()).await
}

pub(super) async fn start_with(budget: usize, options: Options) -> Served {
    start_at("127.0.0.1:0", budget, options).await
}

pub(super) async fn start_at(addr: &str, budget: usize, options: Options) -> Served {
    let fake = Fake::new(budget);
    let here = Address { addr: addr.parse().unwrap(), configured: true };
    let listeners = bind(&[here]).await.unwrap();
    let addr = listeners.addresses()[0];
    let traffic = Arc::new(Traffic::new());
    let task = tokio::spawn(serve(listeners, fake.clone(), options, traffic.clone()));
    Served { fake, addr, traffic, task }
}

/// A gRPC client's body: given at once, or piece by piece.
pub(super) type ClientBody = http_body_util::Either<Full<Bytes>, Pieces>;

/// A body sent piece by piece; it ends when the sender is dropped.
pub(super) struct Pieces(mpsc::UnboundedReceiver<Bytes>);

pub(super) fn pieces() -> (mpsc::UnboundedSender<Bytes>, ClientBody) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (sender, http_body_util::Either::Right(Pieces(receiver)))
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|piece| piece.map(|piece| Ok(http_body::Frame::data(piece))))
    }
}

/// One HTTP/2 connection.
#[derive(Clone)]
pub(super) struct Client {
    sender: SendRequest<ClientBody>,
}

/// A whole answer.
#[derive(Debug)]
pub(super) struct Got {
    pub(super) status: u16,
    /// Head fields; trailers are added to them.
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Got {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The gRPC status, and whether a retry delay is told in both places.
    pub(super) fn grpc(&self) -> (i32, bool) {
        assert_eq!(self.status, 200);
        let told = [
            self.headers.contains_key("grpc-status-details-bin"),
            self.headers.contains_key("google.rpc.retryinfo-bin"),
        ];
        assert_eq!(told[0], told[1], "both places or none");
        (self.header("grpc-status").parse().unwrap(), told[0])
    }
}

pub(super) const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// A gRPC message with its prefix.
pub(super) fn message(flag: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![flag];
    out.extend_from_slice(&(body.len() as u32).to_be_bytes());
    out.extend_from_slice(body);
    out
}

impl Served {
    /// Waits until so many calls have asked for room.
    pub(super) async fn waits_for(&self, calls: usize) {
        while self.fake.asked.load(Ordering::Relaxed) < calls {
            pause(2).await;
        }
    }

    pub(super) async fn client(&self) -> Client {
        let stream = TcpStream::connect(self.addr).await.unwrap();
        let (sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Client { sender }
    }

    /// Sends bytes over a connection of their own and returns what comes until it is closed.
    pub(super) async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(3), stream.read_to_end(&mut answer)).await;
        assert!(read.is_ok(), "the connection stays open after {}", String::from_utf8_lossy(&answer));
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// One HTTP/1.1 request, closed after the answer.
    pub(super) async fn http1(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> String {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
            body.len()
        );
        self.raw(&[head.as_bytes(), body].concat()).await
    }
}

impl Client {
    pub(super) fn start(
        &self,
        path: &str,
        headers: &[(&'static str, &str)],
        body: ClientBody,
    ) -> JoinHandle<hyper::Result<Response<Incoming>>> {
        let mut request = Request::post(format!("http://x{path}"));
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/grpc");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut sender = self.sender.clone();
        let request = request.body(body).unwrap();
        tokio::spawn(async move {
            sender.ready().await?;
            sender.send_request(request).await
        })
    }

    pub(super) async fn call(&self, path: &str, headers: &[(&'static str, &str)], body: &[u8]) -> Got {
        let body = http_body_util::Either::Left(Full::new(Bytes::copy_from_slice(body)));
        collect(self.start(path, headers, body).await.unwrap().unwrap()).await
    }

    pub(super) async fn export(&self, body: &[u8]) -> Got {
        self.call(EXPORT, &[], &message(0, body)).await
    }

    /// Begins an Export whose answer is awaited elsewhere.
    pub(super) fn export_later(&self, body: &[u8]) -> JoinHandle<Got> {
        let (client, body) = (self.clone(), body.to_vec());
        tokio::spawn(async move { client.export(&body).await })
    }
}

pub(super) async fn collect(response: Response<Incoming>) -> Got {
    let (head, body) = response.into_parts();
    let mut headers = head.headers;
    let body = body.collect().await.unwrap();
    headers.extend(body.trailers().cloned().unwrap_or_default());
    Got { status: head.status.as_u16(), headers, body: body.to_bytes().to_vec() }
}

pub(super) async fn pause(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
