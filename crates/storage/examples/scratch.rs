//! scratch
use std::time::Instant;
use storage::{local::*, *};
fn rss() -> u64 {
    let s = std::fs::read_to_string("/proc/self/status").unwrap();
    s.lines()
        .find(|l| l.starts_with("VmRSS"))
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        / 1024
}
fn hwm() -> u64 {
    let s = std::fs::read_to_string("/proc/self/status").unwrap();
    s.lines()
        .find(|l| l.starts_with("VmHWM"))
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        / 1024
}
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let dir = std::path::Path::new(&args[2]);
    match args[1].as_str() {
        "open" => {
            let t = Instant::now();
            let e = LocalEngine::open(dir, LocalOptions::default()).unwrap();
            println!("open {:?} rss {} {:?}", t.elapsed(), rss(), e.stats());
            let t = Instant::now();
            drop(e);
            println!("close {:?}", t.elapsed());
        }
        "load" => {
            let n: u64 = args[3].parse().unwrap();
            let threads: u64 = args[4].parse().unwrap();
            let per: u64 = args[5].parse().unwrap();
            let mut o = LocalOptions::default();
            if let Ok(w) = std::env::var("WORKERS") {
                o.background_threads = w.parse().unwrap();
            }
            if let Ok(w) = std::env::var("BUF") {
                o.write_buffer_bytes = w.parse::<u64>().unwrap() << 20;
            }
            let e = LocalEngine::open(dir, o).unwrap();
            let t = Instant::now();
            let max = std::sync::Mutex::new(Vec::new());
            std::thread::scope(|s| {
                for th in 0..threads {
                    let e = &e;
                    let max = &max;
                    s.spawn(move || {
                        let mut worst = std::time::Duration::ZERO;
                        let mut x = th + 1;
                        let mut b = Batch::new();
                        for i in 0..n / threads {
                            x ^= x << 13;
                            x ^= x >> 7;
                            x ^= x << 17;
                            let id = format!("db/coll/{x:016x}");
                            let body: Vec<u8> =
                                (0..300u64).map(|j| (x.wrapping_mul(j + 3) >> 32) as u8 & 0x3f).collect();
                            b.put(Space::Documents, id.clone(), body);
                            for f in 0..6u8 {
                                b.put(Space::Indexes, format!("i{f}{:08x}{id}", (x >> f) as u32), "");
                            }
                            b.put(Space::Changes, format!("c{th:02}{i:016x}"), id.clone());
                            if (i + 1) % per == 0 {
                                let t = Instant::now();
                                assert_eq!(e.commit(std::mem::take(&mut b)).unwrap(), Committed::Done);
                                worst = worst.max(t.elapsed());
                            }
                        }
                        if !b.is_empty() {
                            let _ = e.commit(b).unwrap();
                        }
                        max.lock().unwrap().push(worst);
                    });
                }
            });
            let el = t.elapsed();
            let _ = 0;
            println!(
                "{n} docs, {threads} threads, {per} a commit: {el:?} {:.0} docs/s  {:.0} commits/s worst {:?} hwm {} MB rss {} {:?}",
                n as f64 / el.as_secs_f64(),
                n as f64 / per as f64 / el.as_secs_f64(),
                max.lock().unwrap().iter().max(),
                hwm(),
                rss(),
                e.stats()
            );
            let t = Instant::now();
            if std::env::var("EXIT").is_ok() {
                std::process::exit(0)
            }
            drop(e);
            println!("close {:?}", t.elapsed());
        }
        "reclaim" => {
            let e = LocalEngine::open(dir, LocalOptions::default()).unwrap();
            let t = Instant::now();
            println!("{:?}", e.reclaim(&storage::Space::ALL));
            println!("{:?} rss {} hwm {} {:?}", t.elapsed(), rss(), hwm(), e.stats());
        }
        _ => panic!(),
    }
}
