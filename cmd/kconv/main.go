// Command kconv converts, inspects and compares Keras models, and proves that this program's numbers are Keras's.
package main

import (
	"os"

	"kerasgo/internal/cli"
)

func main() { os.Exit(program().Main()) }

func program() *cli.Program {
	return &cli.Program{Name: "kconv", Short: "converts, inspects and compares Keras models", Commands: []cli.Command{
		{Name: "", Args: "MODEL [OUT]", Short: "converts a model to the format that OUT's extension names",
			Example: `kconv model.h5                      writes model.keras beside it
kconv model.keras model.h5          Keras 3's legacy HDF5
kconv model.keras w.weights.h5      the weights alone
kconv w.weights.h5                  writes w.npz, one array a weight
kconv arch.json out.keras --weights w.weights.h5`, Setup: convertCommand},
		{Name: "inspect", Args: "MODEL", Short: "the layers, their shapes and parameters, as Keras prints them",
			Example: `kconv inspect model.keras
kconv inspect model.keras --arithmetic --expand-nested
kconv inspect model.keras --weights --format csv`, Setup: inspectCommand},
		{Name: "check", Args: "MODEL", Short: "whether every layer is supported, without reading weights",
			Example: `kconv check model.keras && echo every layer is exact`, Setup: checkCommand},
		{Name: "verify", Args: "MODEL --golden REF.npz | A B [--input X.npz]", Short: "proves that the numbers agree, layer by layer",
			Example: `python export_reference.py model.keras inputs.npz ref.npz     in your own Python
kconv verify model.keras --golden ref.npz
kconv verify model.h5 model.keras                              two files of one model, on random inputs
kconv verify a.keras b.keras --input x.npz --format json`, Setup: verifyCommand},
		{Name: "diff", Args: "A B", Short: "what differs between two models",
			Example: `kconv diff a.keras b.keras
kconv diff a.keras b.keras --weights --atol 1e-6`, Setup: diffCommand},
		{Name: "formats", Short: "the formats that are read and written",
			Example: `kconv formats`, Setup: formatsCommand},
	}}
}
