//! What is told on the way: a bar and then a status line on a terminal, lines of JSON otherwise. All of it goes to
//! standard error, because standard output may carry the changes.

use std::io::{IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use sync::{Difference, Differences, Event, Meters, Observer, Source, Time};

/// Batches are told together, this often.
const EVERY: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Clone)]
pub(super) struct Report {
    meters: Arc<Meters>,
    form: Arc<Form>,
}

enum Form {
    Bar(ProgressBar),
    Lines(Mutex<Lines>),
}

/// When batches, and when the time of the cache, were told last.
struct Lines {
    applied: Instant,
    current: Option<Instant>,
    started: Instant,
}

impl Report {
    pub(super) fn begin(source: &Source, meters: Arc<Meters>) -> Report {
        let form = match std::io::stderr().is_terminal() {
            true => {
                eprintln!("{source}");
                Form::Bar(ProgressBar::new_spinner())
            }
            false => {
                line(json!({ "event": "started", "source": source.to_string() }));
                let now = Instant::now();
                Form::Lines(Mutex::new(Lines { applied: now, current: None, started: now }))
            }
        };
        Report { meters, form: Arc::new(form) }
    }

    pub(super) fn observer(&self) -> Observer {
        let report = self.clone();
        Observer::new(move |event| match &*report.form {
            Form::Bar(bar) => report.draw(bar, event),
            Form::Lines(lines) => report.write(lines, event),
        })
    }

    pub(super) fn end(&self, well: bool) {
        match &*self.form {
            Form::Bar(bar) => bar.finish_with_message(self.status()),
            Form::Lines(lines) => {
                let seconds =
                    lines.lock().map(|lines| lines.started.elapsed().as_secs_f64()).unwrap_or_default();
                let event = if well { "ended" } else { "failed" };
                line(json!({ "event": event, "seconds": seconds, "totals": self.meters.reading() }));
            }
        }
    }

    fn draw(&self, bar: &ProgressBar, event: &Event<'_>) {
        match event {
            Event::CopyBegins { total } => {
                bar.set_length(*total);
                let style = "{bar:40} {pos} of {len} documents, {per_sec}, {eta} to go";
                bar.set_style(ProgressStyle::with_template(style).expect("the template is sound"));
            }
            Event::Applied(_) => bar.set_position(self.meters.reading().rows),
            Event::Current { .. } => {
                bar.set_style(
                    ProgressStyle::with_template("{spinner} {msg}").expect("the template is sound"),
                );
                bar.set_message(self.status());
            }
            Event::Comparing { why } => bar.set_message(format!("comparing with the server: {why}")),
            Event::Compared(found) => bar.set_message(verdict(found)),
            Event::Differs { .. } => {}
            Event::Pause { failure, pause } => {
                bar.println(format!("{failure}; again in {:.1} s", pause.as_secs_f64()));
            }
            Event::Warning(text) => bar.println(format!("warning: {text}")),
        }
        bar.tick();
    }

    fn status(&self) -> String {
        let now = self.meters.reading();
        let as_of =
            self.meters.as_of().map_or_else(|| "unfinished".to_owned(), |time| format!("as of {time}"));
        format!(
            "{} documents, {as_of}; {} set, {} deleted, {} received",
            HumanCount(now.rows),
            HumanCount(now.set),
            HumanCount(now.deleted),
            HumanBytes(now.bytes_received)
        )
    }

    fn write(&self, lines: &Mutex<Lines>, event: &Event<'_>) {
        let due = |last: &mut Instant| {
            let due = last.elapsed() >= EVERY;
            if due {
                *last = Instant::now();
            }
            due
        };
        match event {
            Event::CopyBegins { total } => line(json!({ "event": "copying", "documents": total })),
            Event::Applied(_) => {
                if lines.lock().is_ok_and(|mut lines| due(&mut lines.applied)) {
                    line(json!({ "event": "applied", "totals": self.meters.reading() }));
                }
            }
            Event::Current { as_of } => {
                let told = lines.lock().is_ok_and(|mut lines| match &mut lines.current {
                    Some(last) => due(last),
                    none => none.replace(Instant::now()).is_none(),
                });
                if told {
                    let as_of = as_of.to_string();
                    line(json!({ "event": "current", "as_of": as_of, "totals": self.meters.reading() }));
                }
            }
            Event::Comparing { why } => line(json!({ "event": "comparing", "why": why })),
            Event::Compared(found) => line(json!({ "event": "compared", "found": found })),
            Event::Differs { .. } => {}
            Event::Pause { failure, pause } => {
                let seconds = pause.as_secs_f64();
                line(json!({ "event": "pause", "seconds": seconds, "failure": failure.to_string() }));
            }
            Event::Warning(text) => line(json!({ "event": "warning", "text": text })),
        }
    }
}

fn line(mut event: Value) {
    if let Some(fields) = event.as_object_mut() {
        fields.insert("time".to_owned(), Time::now().to_string().into());
    }
    // Nobody may be listening; that is no reason to end.
    let _ = writeln!(std::io::stderr(), "{event}");
}

/// What `verify` prints of each document that differs, and of all else that it is told.
pub(super) fn tell_differences(event: &Event<'_>) {
    match event {
        Event::Differs { how: Difference::Ahead, .. } => {}
        Event::Differs { how, name } => {
            // As above.
            let _ = writeln!(std::io::stdout(), "{how} {name}");
        }
        Event::Warning(text) => eprintln!("warning: {text}"),
        Event::Pause { failure, .. } => eprintln!("{failure}"),
        Event::CopyBegins { .. }
        | Event::Applied(_)
        | Event::Current { .. }
        | Event::Comparing { .. }
        | Event::Compared(_) => {}
    }
}

/// The last line of `verify`.
pub(super) fn tell_verdict(found: &Differences) {
    eprintln!("{}", verdict(found));
}

fn verdict(found: &Differences) -> String {
    let mut text = format!(
        "{} missing, {} extra, {} stale; {} of {} ranges differ; {} names read",
        found.missing,
        found.extra,
        found.stale,
        found.stretches_differing,
        found.stretches,
        HumanCount(found.keys)
    );
    if found.ahead > 0 {
        text.push_str(&format!("; {} written after the cache's last contact", HumanCount(found.ahead)));
    }
    if found.repaired > 0 {
        text.push_str(&format!("; {} repaired", HumanCount(found.repaired)));
    }
    text
}
