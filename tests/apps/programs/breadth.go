package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"time"
)

func main() {
	// goroutines and channels
	c := make(chan int)
	var wg sync.WaitGroup
	for i := 0; i < 2000; i++ {
		wg.Add(1)
		go func(i int) { defer wg.Done(); c <- i }(i)
	}
	go func() { wg.Wait(); close(c) }()
	s := 0
	for v := range c {
		s += v
	}
	fmt.Println("sum", s)
	// GC stress
	var keep [][]byte
	for i := 0; i < 3000; i++ {
		b := make([]byte, 10000+i)
		if i%10 == 0 {
			keep = append(keep, b)
		}
	}
	runtime.GC()
	fmt.Println("kept", len(keep))
	// http
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "path %s", r.URL.Path) }))
	n := 0
	var mu sync.Mutex
	for i := 0; i < 8; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for j := 0; j < 20; j++ {
				r, err := http.Get("http://" + l.Addr().String() + "/x")
				if err != nil {
					fmt.Println(err)
					return
				}
				b, _ := io.ReadAll(r.Body)
				r.Body.Close()
				mu.Lock()
				n += len(b)
				mu.Unlock()
			}
		}()
	}
	wg.Wait()
	fmt.Println("http bytes", n)
	// signals
	sig := make(chan os.Signal, 1)
	signal.Notify(sig, syscall.SIGUSR1)
	syscall.Kill(os.Getpid(), syscall.SIGUSR1)
	fmt.Println(<-sig)
	// exec
	if len(os.Args) > 1 {
		return
	}
	out, err := exec.Command(os.Args[0], "child").Output()
	if false {
		return
	}
	fmt.Println(len(out) > 10, err)
	t := time.NewTimer(20 * time.Millisecond)
	select {
	case <-t.C:
		fmt.Println("timer")
	case <-sig:
	}
	// panics by SIGSEGV
	func() {
		defer func() { fmt.Println("recovered", recover()) }()
		var p *int
		*p = 1
	}()
	_, err = net.Dial("tcp", "127.0.0.1:1")
	fmt.Println(err)
	f, _ := os.CreateTemp("", "x")
	f.WriteString("hello")
	st, _ := f.Stat()
	fmt.Println(st.Size())
	fmt.Println(runtime.NumCPU() > 0)
}
