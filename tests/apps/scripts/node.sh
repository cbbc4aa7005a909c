cd "$(mktemp -d)" || exit 1
cat >main.js <<'J'
const http = require('http'), fs = require('fs'), { execSync, spawn, fork } = require('child_process'), net = require('net');
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const crypto = require('crypto'), zlib = require('zlib');
const say = x => console.log(JSON.stringify(x)), sleep = ms => new Promise(done => setTimeout(done, ms));
async function main() {
    say(await Promise.all([1, 2, 3].map(n => new Promise(done => new Worker(__filename, { workerData: n }).on('message', done)))));
    const server = http.createServer((q, a) => a.end('page ' + q.url)).listen(0, '127.0.0.1');
    await new Promise(done => server.on('listening', done));
    const get = path => new Promise((done, fail) => http.get({ host: '127.0.0.1', port: server.address().port, path }, answer => {
        let text = '';
        answer.on('data', d => text += d);
        answer.on('end', () => done(text));
    }).on('error', fail));
    say((await Promise.all([...Array(50).keys()].map(i => get('/' + i)))).pop());
    server.close();
    say(execSync('echo from the shell').toString());
    try { execSync('exit 5'); } catch (e) { say(e.status); }
    await new Promise(done => {
        const child = spawn('sh', ['-c', 'cat; exit 2']);
        let text = '';
        child.stdout.on('data', d => text += d);
        child.on('close', status => { say([text, status]); done(); });
        child.stdin.end('piped');
    });
    await fs.promises.writeFile('file', 'data');
    say(fs.statSync('file').size);
    await new Promise(done => {
        const watch = fs.watch('file', () => { watch.close(); say('watched'); done(); });
        setTimeout(() => fs.appendFileSync('file', 'x'), 50);
    });
    say(crypto.pbkdf2Sync('a', 'b', 1000, 8, 'sha256').toString('hex'));
    say(zlib.gunzipSync(zlib.gzipSync('z'.repeat(1000))).length);
    process.on('SIGUSR2', () => say('usr2'));
    process.kill(process.pid, 'SIGUSR2');
    await sleep(50);
    const local = net.createServer(c => c.pipe(c)).listen('socket');
    await new Promise(done => {
        const c = net.connect('socket', () => c.write('unix'));
        c.on('data', d => { say(d.toString()); c.end(); local.close(); done(); });
    });
    await new Promise(done => {
        const child = fork('child.js');
        child.on('message', m => { say(m); child.disconnect(); done(); });
        child.send('to and ');
    });
    for (let i = 0, kept = []; i < 300000; i++) kept = kept.length > 1000 ? [] : [...kept.slice(-3), { i }];
    process.exitCode = 6;
}
isMainThread ? main() : parentPort.postMessage(workerData * 2);
J
echo "process.on('message', m => process.send(m + 'fro'))" >child.js
node main.js
echo "status $?"
