// Service answers HTTP requests with a model's predictions, many at a time, in the words of TensorFlow Serving.
//
//	go run ./examples/service testdata/mnist_cnn.keras
//	curl -d '{"instances": [[[0, 0, ...], ...], ...]}' http://localhost:8501/predict
//	{"predictions": [[0.0001, ...], ...]}
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"os"
	"runtime"

	"kerasgo/keras"
	"kerasgo/nn"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: service MODEL")
	}
	model, err := keras.Load(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	handler, err := serve(model)
	if err != nil {
		log.Fatal(err)
	}
	log.Print("listening on localhost:8501")
	log.Fatal(http.ListenAndServe("localhost:8501", handler))
}

// serve compiles a model with one input and one output. A runner is one goroutine's at a time, so there are as many as
// processors, with one thread each, and a request waits for a free one.
func serve(m nn.Model) (http.Handler, error) {
	plan, err := nn.Compile(m, nn.CompileOptions{Threads: 1})
	if err != nil {
		return nil, err
	}
	free := make(chan *nn.Runner, runtime.GOMAXPROCS(0))
	for range cap(free) {
		free <- plan.Runner()
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /predict", func(w http.ResponseWriter, r *http.Request) {
		var question struct{ Instances any }
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 16<<20)).Decode(&question); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		x, err := nn.ArrayOf(question.Instances)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		runner := <-free
		defer func() { free <- runner }()
		y, err := runner.Run(r.Context(), x)
		if err != nil { // such as a shape that isn't the model's
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		rows := make([][]float32, y[0].Shape[0])
		for i := range rows {
			rows[i] = y[0].Rows(i, i+1).F32
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(map[string]any{"predictions": rows}); err != nil {
			log.Print(err)
		}
	})
	return mux, nil
}
