use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{mpsc, Arc, Condvar, Mutex, RwLock};
use std::thread;
use std::time::Duration;
fn main() {
    std::panic::set_hook(Box::new(|_| {}));
    if std::env::args().count() > 1 {
        let mut s = String::new();
        std::io::stdin().read_to_string(&mut s).unwrap();
        print!("{}", s.to_uppercase());
        std::process::exit(3);
    }
    let (tx, rx) = mpsc::channel();
    let hs: Vec<_> = (0..200)
        .map(|i| {
            let tx = tx.clone();
            thread::spawn(move || {
                tx.send(i).unwrap();
            })
        })
        .collect();
    drop(tx);
    println!("sum {}", rx.iter().sum::<i32>());
    for h in hs {
        h.join().unwrap();
    }
    let m = Arc::new((Mutex::new(0), Condvar::new()));
    for _ in 0..8 {
        let m = m.clone();
        thread::spawn(move || {
            for _ in 0..1000 {
                *m.0.lock().unwrap() += 1;
            }
            m.1.notify_all();
        });
    }
    let mut g = m.0.lock().unwrap();
    while *g < 8000 {
        g = m.1.wait(g).unwrap();
    }
    println!("count {}", *g);
    let l = TcpListener::bind("127.0.0.1:0").unwrap();
    let a = l.local_addr().unwrap();
    let t = thread::spawn(move || {
        for s in l.incoming().take(20) {
            let mut s = s.unwrap();
            let mut b = [0; 5];
            s.read_exact(&mut b).unwrap();
            s.write_all(&b).unwrap();
        }
    });
    let mut n = 0;
    for _ in 0..20 {
        let mut s = TcpStream::connect(a).unwrap();
        s.write_all(b"hello").unwrap();
        let mut v = Vec::new();
        n += s.read_to_end(&mut v).unwrap();
    }
    t.join().unwrap();
    println!("echo {}", n);
    let mut c = Command::new(std::env::current_exe().unwrap())
        .arg("child")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    c.stdin.take().unwrap().write_all(b"shout").unwrap();
    let o = c.wait_with_output().unwrap();
    println!(
        "{} {:?}",
        String::from_utf8_lossy(&o.stdout),
        o.status.code()
    );
    let r = thread::spawn(|| {
        if true {
            panic!("x");
        }
    })
    .join();
    println!("panicked {}", r.is_err());
    let rw = RwLock::new(5);
    {
        let _a = rw.read().unwrap();
        let _b = rw.read().unwrap();
    }
    *rw.write().unwrap() += 1;
    println!("{}", *rw.read().unwrap());
    thread::sleep(Duration::from_millis(10));
    std::fs::create_dir_all("/tmp/rs/a/b").unwrap();
    std::fs::write("/tmp/rs/a/b/c", "x").unwrap();
    println!("{}", std::fs::read_dir("/tmp/rs/a").unwrap().count());
    std::fs::remove_dir_all("/tmp/rs").unwrap();
    let mut v: Vec<u64> = (0..1_000_000).rev().collect();
    v.sort();
    println!("{}", v[10]);
}
