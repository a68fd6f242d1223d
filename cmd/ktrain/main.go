// Command ktrain trains Keras models, and makes a first one from MNIST.
package main

import (
	"os"

	"kerasgo/internal/cli"
)

func main() { os.Exit(program().Main()) }

func program() *cli.Program {
	return &cli.Program{Name: "ktrain", Short: "trains Keras models", Commands: []cli.Command{
		{Name: "", Args: "MODEL", Short: "trains a model on data: .npz, .csv, TFRecord, idx files, a folder of image folders",
			Example: `ktrain model.keras --data data.npz --epochs 3 -o trained.keras
ktrain model.keras --data photos/ --freeze 'block*' --loss sparse_categorical_crossentropy --metrics accuracy -o tuned.keras
ktrain model.keras --data 'shards/train-*.tfrecord' --features x=image/encoded,y=image/class/label -o out.keras
ktrain model.h5 --data table.csv --validation-split 0.2 --early-stopping val_loss:5 -o out.keras --plot history.png`, Setup: fitCommand},
		{Name: "quickstart", Args: "", Short: "MNIST from scratch: trains, tests and saves a network that reads digits",
			Example: `ktrain quickstart
ktrain quickstart --epochs 3 --seed 7 -o digits.keras`, Setup: quickstartCommand},
		{Name: "explain", Args: "[PICTURE]", Short: "one training step, number by number: as text, or as a web page",
			Example: `ktrain explain
ktrain explain -o explain.html
ktrain explain --digit 3 --units 8 --steps 2
ktrain explain --size 28 --units 128 -o quickstart.html`, Setup: explainCommand},
		{Name: "compare", Args: "", Short: "which layers, and why: five networks on MNIST, by parameters, operations, seconds, accuracy",
			Example: `ktrain compare -o compare.svg
ktrain compare --epochs 1 --train 10000 --format md`, Setup: compareCommand},
		{Name: "plot", Args: "H.json|LOG.csv...", Short: "draws histories: losses and metrics over the epochs, several runs in one",
			Example: `ktrain plot h.json -o history.svg
ktrain plot small.json large.csv --only loss,accuracy -o both.png`, Setup: plotCommand},
	}}
}
