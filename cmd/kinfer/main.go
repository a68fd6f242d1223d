// Command kinfer runs a Keras model on images and arrays.
package main

import (
	"os"

	"kerasgo/internal/cli"
)

func main() { os.Exit(program().Main()) }

func program() *cli.Program {
	return &cli.Program{Name: "kinfer", Short: "runs a Keras model on images and arrays", Commands: []cli.Command{
		{Name: "", Args: "MODEL INPUT...", Short: "predicts: images, folders, globs, .npy, .npz, .csv, .json, - for standard input",
			Example: `kinfer mobilenet.keras cat.jpg              the five likeliest classes
kinfer mnist.h5 digits/ -k 3                every image of a folder
kinfer model.keras x.npy -o y.npy           arrays in, arrays out
kinfer model.keras in.npz -o out.npz        several inputs by name, several outputs by name
kinfer model.keras --input image=x.npy --input age=age.csv
kinfer model.keras photos/*.png --format jsonl | jq .top[0]`, Setup: predictCommand},
		{Name: "bench", Args: "MODEL", Short: "how fast the model runs here",
			Example: `kinfer bench model.keras -b 1 -j 1
kinfer bench model.keras -b 32 --seconds 5 --format json`, Setup: benchCommand},
		{Name: "check", Args: "MODEL", Short: "opens everything and runs a batch of zeros; for scripts",
			Example: `kinfer check model.keras && echo fine`, Setup: checkCommand},
	}}
}
