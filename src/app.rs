//! Builds everything from a [`Config`], spawns every task, joins every task.

mod build;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::admin::control::{self, About};
use crate::admin::ledger::Ledger;
use crate::admin::{self, House, Open};
use crate::config::Config;
use crate::drain::farewell;
use crate::drain::wish::Wish;
use crate::drain::{Ended, Leaving, Schedule, drain};
use crate::driver::{Driver, Phase, Recency};
use crate::exporter::{Exporter, SetupError};
use crate::instruments::Instruments;
use crate::metrics::Metrics;
use crate::port::PATIENCE;
use crate::receiver::listen::Listeners;
use crate::receiver::traffic::Traffic;
use crate::receiver::{self, listen};

/// Why the process could not begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An OTLP port.
    #[error(transparent)]
    Receiver(#[from] listen::BindError),
    /// The operator's ports.
    #[error(transparent)]
    Admin(#[from] admin::BindError),
    /// The way to the collector.
    #[error("upstream: {0}")]
    Upstream(#[from] SetupError),
    /// The operating system.
    #[error("cannot begin: {0}")]
    System(#[from] io::Error),
    /// A setting that validation should have caught.
    #[error("{0}")]
    Setting(String),
}

impl StartError {
    /// The exit status: 78 for a taken port, 64 for a setting or a file that one names, 1 for anything else.
    pub fn exit_code(&self) -> u8 {
        match self {
            StartError::Receiver(error) if error.in_use => 78,
            StartError::Admin(admin::BindError::Taken { .. }) => 78,
            StartError::Setting(_) | StartError::Upstream(SetupError::Tls(_) | SetupError::Channel(_)) => 64,
            StartError::Receiver(_) | StartError::Admin(_) | StartError::System(_) => 1,
            StartError::Upstream(SetupError::Hop(_)) => 1,
        }
    }
}

/// Builds what `run` would build of a configuration, the files that it names included, up to the first port; so that
/// `validate` finds what `run` would. An upstream that is not set is not looked at.
pub fn rehearse(config: &Config) -> Result<(), StartError> {
    build::driver(config, [1, 2], Instruments::none())?;
    if !config.upstream.endpoint.is_empty() {
        let runtime = runtime()?;
        let _inside = runtime.enter();
        Exporter::new(&build::exporter(config, "rehearsal")?)?;
    }
    Ok(())
}

/// The relay with its doors bound and nothing running yet.
#[derive(Debug)]
pub struct App {
    config: Config,
    driver: Arc<Driver>,
    metrics: Arc<Metrics>,
    traffic: Arc<Traffic>,
    exporter: Exporter,
    listeners: Listeners,
    instance: String,
    seed: u64,
}

/// What is said on standard error, and how.
pub fn log_options(config: &Config) -> crate::logs::Options {
    build::logs(config)
}

/// What leaving looks at.
struct Departure {
    driver: Arc<Driver>,
    traffic: Arc<Traffic>,
}

impl Leaving for Departure {
    fn quiet_for(&self) -> Duration {
        self.traffic.quiet_for()
    }

    fn calls_active(&self) -> usize {
        self.traffic.active()
    }

    fn enter(&self, phase: Phase) {
        tracing::info!(?phase, "leaving");
        self.driver.enter(phase);
    }

    fn spans_held(&self) -> u64 {
        self.driver.snapshot().held.spans()
    }
}

impl App {
    /// Builds the relay and binds the OTLP ports. Needs the runtime that [`App::serve`] will run in.
    pub async fn open(config: Config) -> Result<App, StartError> {
        let secret = build::secret()?;
        let metrics = Arc::new(Metrics::new(build::labels(&config)));
        let driver = build::driver(&config, secret, metrics.instruments())?;
        let instance = format!("{:016x}", secret[0] ^ secret[1].rotate_left(17));
        let exporter = Exporter::new(&build::exporter(&config, &instance)?)?;
        let listeners = listen::bind(&build::addresses(&config)).await?;
        let traffic = Arc::new(Traffic::new());
        Ok(App { config, driver, metrics, traffic, exporter, listeners, instance, seed: secret[1] })
    }

    /// Where apps may send to.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.addresses()
    }

    /// The relay.
    pub fn driver(&self) -> Arc<Driver> {
        self.driver.clone()
    }

    /// Works until the driver's phase is [`Phase::Closed`].
    pub async fn serve(self) {
        let App { config, driver, metrics, traffic, exporter, listeners, instance, seed } = self;
        let options = build::receiver(&config, instance, seed);
        let instruments = metrics.instruments();
        let export = exporter.run(&*driver, |took| instruments.exported(took), driver.reached(Phase::Closed));
        let receive = async {
            let serving = receiver::serve(listeners, driver.clone(), options, traffic);
            tokio::select! {
                () = serving => driver.reached(Phase::Closed).await,
                () = driver.reached(Phase::Closed) => {}
            }
        };
        tokio::join!(driver.run(), export, receive);
    }

    /// What the operator's doors look at.
    pub fn house(&self) -> House {
        House { books: self.driver.clone(), metrics: self.metrics.clone(), open: Open::not_yet() }
    }

    fn about(&self) -> About {
        let sampling = self.config.sampling_choice();
        About { sampling, upstream: self.config.upstream.endpoint.clone(), listen: self.addresses() }
    }

    fn departure(&self) -> Departure {
        Departure { driver: self.driver.clone(), traffic: self.traffic.clone() }
    }
}

/// Runs until somebody asks to leave, and leaves in order.
pub fn run(config: Config) -> Result<(), StartError> {
    let (grace, admin_at, control_at) = (config.shutdown.grace, build::admin(&config), build::control(&config));
    let (data, back) = (runtime()?, runtime()?);
    // All at once, so that together they take no longer than one taken port may.
    let (app, admin, control) = data.block_on(async {
        tokio::try_join!(App::open(config), async { Ok(admin::bind(admin_at, PATIENCE).await?) }, async {
            Ok(control::listen(control_at, PATIENCE).await?)
        },)
    })?;
    let (admin, control) = (moved(admin, &back)?, moved(control, &back)?);
    let leave = Arc::new(Notify::new());
    let wish = {
        let _inside = back.enter();
        Wish::new(leave.clone())?
    };
    print_books_on_panic(app.driver());
    let (house, about, departure) = (app.house(), app.about(), app.departure());
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        listen = ?app.addresses(),
        admin = %admin_at.address,
        upstream = about.upstream,
        sampling = about.sampling,
        "tailwater is at work"
    );
    house.open.say();
    let office = Office { house, about, departure, wish, leave, schedule: Schedule::of(grace) };
    let office = std::thread::Builder::new()
        .name("admin".to_owned())
        .spawn(move || back.block_on(office.work(admin, control)))?;
    data.block_on(app.serve());
    if office.join().is_err() {
        return Err(StartError::System(io::Error::other("the admin thread ended in a panic")));
    }
    data.shutdown_background();
    Ok(())
}

/// What the admin thread does: answers the operator, waits for the wish to leave, and sees to it.
struct Office {
    house: House,
    about: About,
    departure: Departure,
    wish: Wish,
    leave: Arc<Notify>,
    schedule: Schedule,
}

impl Office {
    async fn work(self, admin: Option<TcpListener>, control: Option<TcpListener>) {
        let Office { house, about, departure, mut wish, leave, schedule } = self;
        if let Some(listener) = admin {
            tokio::spawn(admin::http::serve(listener, house.clone()));
        }
        if let Some(listener) = control {
            tokio::spawn(control::serve(listener, control::Service::new(house.clone(), about, leave)));
        }
        let upkeep = tokio::spawn(upkeep(house.metrics.clone()));
        let asked = wish.first().await;
        let began = Instant::now();
        tracing::info!(%asked, grace_ms = schedule.grace.as_millis() as u64, "asked to leave");
        let ended = drain(&departure, schedule, wish.second()).await;
        farewell::say(&final_books(&house), ended, began.elapsed());
        upkeep.abort();
    }
}

fn final_books(house: &House) -> Ledger {
    Ledger::of(&house.books.snapshot(), house.books.phase(), house.metrics.labels())
}

/// Histograms keep what was recorded until somebody asks; nobody may ask for long.
async fn upkeep(metrics: Arc<Metrics>) {
    loop {
        tokio::time::sleep(UPKEEP_EVERY).await;
        metrics.upkeep();
    }
}

const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// A listener handed over to another runtime.
fn moved(listener: Option<TcpListener>, to: &Runtime) -> io::Result<Option<TcpListener>> {
    let _inside = to.enter();
    listener.map(|listener| TcpListener::from_std(listener.into_std()?)).transpose()
}

fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Half a relay is worse than a restart: a panic anywhere ends the process, and says what it takes with it.
fn print_books_on_panic(driver: Arc<Driver>) {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        before(panic);
        match driver.last_words() {
            Some((books, Recency::Now)) => {
                eprintln!("panic: {} spans are held and lost; {books:?}", books.held.spans());
            }
            // The panic came from within the relay: what happened since somebody looked is in no book.
            Some((books, Recency::LastLook)) => {
                eprintln!(
                    "panic: {} spans were held when the books were last looked at; {books:?}",
                    books.held.spans()
                );
            }
            None => eprintln!("panic: while the books were being written"),
        }
        std::process::exit(1);
    }));
}

/// Leaves `driver` in order, as `run` does at a signal; for those who host an [`App`] themselves.
pub async fn leave(driver: Arc<Driver>, traffic: Arc<Traffic>, grace: Duration) -> Ended {
    drain(&Departure { driver, traffic }, Schedule::of(grace), std::future::pending()).await
}

impl App {
    /// The calls under way.
    pub fn traffic(&self) -> Arc<Traffic> {
        self.traffic.clone()
    }
}
