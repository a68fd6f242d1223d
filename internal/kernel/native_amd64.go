//go:build amd64 && !purego

package kernel

import "golang.org/x/sys/cpu"

// native returns the assembly implementations that this processor runs, slowest first.
func native() []*ISA {
	var all []*ISA
	x := cpu.X86
	if x.HasAVX2 && x.HasFMA && x.HasBMI2 {
		all = append(all, newAVX2())
		if x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL {
			all = append(all, newAVX512())
		}
	}
	return all
}

func newAVX2() *ISA {
	return &ISA{
		Name: "avx2", MR: 6, NR: 16,
		Tile:       []Tile{nil, tile1AVX2, tile2AVX2, tile3AVX2, tile4AVX2, tile5AVX2, tile6AVX2},
		TileT:      []Tile{nil, tileT1AVX2, tileT2AVX2, tileT3AVX2, tileT4AVX2, tileT5AVX2, tileT6AVX2},
		Row:        rowAVX2,
		Transpose8: transpose8AVX2, Depthwise: depthwiseAVX2, DepthwiseFilter: depthwiseFilterAVX2,
		ColumnSum: columnSumAVX2, ColumnSquares: columnSquaresAVX2, ColumnDots: columnDotsAVX2, NormGrad: normGradAVX2,
		MaxPool: maxPoolAVX2, MaxPoolGrad: maxPoolGradAVX2,
		Vec: Vec{
			Add: addAVX2, Sub: subAVX2, Mul: mulAVX2, Larger: largerAVX2, Scale: scaleAVX2, Axpy: axpyAVX2, Clamp: clampAVX2, Leaky: leakyAVX2,
			Exp: expAVX2, Sigmoid: sigmoidAVX2, Silu: siluAVX2, Tanh: tanhAVX2, Erf: erfAVX2, Gelu: geluAVX2, GeluTanh: geluTanhAVX2,
			ReluGrad: reluGradAVX2, SigmoidGrad: sigmoidGradAVX2, TanhGrad: tanhGradAVX2, ClampGrad: clampGradAVX2, MulAdd: mulAddAVX2,
			Normalize: normalizeAVX2, Adam: adamAVX2, AdamSquares: adamSquaresAVX2, Dropout: dropoutAVX2,
			Sum: sumAVX2, Dot: dotAVX2, Squares: squaresAVX2, Max: maxAVX2, ExpSum: expSumAVX2,
		},
	}
}

func newAVX512() *ISA {
	return &ISA{
		Name: "avx512", MR: 14, NR: 32,
		Tile: []Tile{nil, tile1AVX512, tile2AVX512, tile3AVX512, tile4AVX512, tile5AVX512, tile6AVX512, tile7AVX512,
			tile8AVX512, tile9AVX512, tile10AVX512, tile11AVX512, tile12AVX512, tile13AVX512, tile14AVX512},
		TileT: []Tile{nil, tileT1AVX512, tileT2AVX512, tileT3AVX512, tileT4AVX512, tileT5AVX512, tileT6AVX512, tileT7AVX512,
			tileT8AVX512, tileT9AVX512, tileT10AVX512, tileT11AVX512, tileT12AVX512, tileT13AVX512, tileT14AVX512},
		Row:        rowAVX512,
		Transpose8: transpose8AVX2, Depthwise: depthwiseAVX512, DepthwiseFilter: depthwiseFilterAVX512,
		ColumnSum: columnSumAVX512, ColumnSquares: columnSquaresAVX512, ColumnDots: columnDotsAVX512, NormGrad: normGradAVX512,
		MaxPool: maxPoolAVX512, MaxPoolGrad: maxPoolGradAVX512,
		Vec: Vec{
			Add: addAVX512, Sub: subAVX512, Mul: mulAVX512, Larger: largerAVX512, Scale: scaleAVX512, Axpy: axpyAVX512, Clamp: clampAVX512, Leaky: leakyAVX512,
			Exp: expAVX512, Sigmoid: sigmoidAVX512, Silu: siluAVX512, Tanh: tanhAVX512, Erf: erfAVX512, Gelu: geluAVX512, GeluTanh: geluTanhAVX512,
			ReluGrad: reluGradAVX512, SigmoidGrad: sigmoidGradAVX512, TanhGrad: tanhGradAVX512, ClampGrad: clampGradAVX512, MulAdd: mulAddAVX512,
			Normalize: normalizeAVX512, Adam: adamAVX512, AdamSquares: adamSquaresAVX512, Dropout: dropoutAVX512,
			Sum: sumAVX512, Dot: dotAVX512, Squares: squaresAVX512, Max: maxAVX512, ExpSum: expSumAVX512,
		},
	}
}
