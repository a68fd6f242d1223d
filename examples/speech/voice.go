package main

import (
	"math"
	"math/rand/v2"
)

// vowels are five of American English, each as in its word.
var vowels = []string{"heed", "had", "hod", "who'd", "heard"}

// speakers are kinds of voices: their mean pitch, and the three formants of each vowel, the pitches that the mouth's shape lets
// pass, all in Hz.
//
// Source: Peterson and Barney, "Control methods used in a study of the vowels", 1952, table II
var speakers = []struct {
	who      string
	pitch    float64
	formants [5][3]float64
}{
	{"men", 130, [5][3]float64{{270, 2290, 3010}, {660, 1720, 2410}, {730, 1090, 2440}, {300, 870, 2240}, {490, 1350, 1690}}},
	{"women", 220, [5][3]float64{{310, 2790, 3310}, {860, 2050, 2850}, {850, 1220, 2810}, {370, 950, 2670}, {500, 1640, 1960}}},
	{"children", 265, [5][3]float64{{370, 3200, 3730}, {1010, 2320, 3320}, {1030, 1370, 3170}, {430, 1170, 3260}, {560, 1820, 2160}}},
}

const (
	rate   = 8000          // samples a second
	length = rate * 4 / 10 // of a recording
	formed = 3             // formants of a vowel
	noise  = 0.005         // of the room
	vary   = 0.06          // by how much mouths differ: a part of a formant, one deviation
)

// speak says a vowel in a voice of its own, as vocal folds and a mouth do: pulses, and a resonance for each formant.
//
// Source: the cascade of Klatt, "Software for a cascade/parallel formant synthesizer", 1980
func speak(kind, vowel int, rng *rand.Rand) []float32 {
	s := speakers[kind]
	pitch := s.pitch * math.Exp(0.12*rng.NormFloat64())
	glide := 0.15 * rng.NormFloat64() // how much it rises to the end
	sound := make([]float64, length)
	for i, phase := 0, rng.Float64(); i < length; i++ {
		phase += pitch * (1 + glide*float64(i)/length) / rate
		if phase >= 1 {
			phase--
			sound[i] = 1
		}
	}
	mouth := math.Exp(vary / 2 * rng.NormFloat64()) // smaller ones are higher in all
	for k := range formed {
		hertz := min(s.formants[vowel][k]*mouth*math.Exp(vary/2*rng.NormFloat64()), 0.48*rate)
		width := 50 + hertz/20
		r := math.Exp(-math.Pi * width / rate)
		b, c := 2*r*math.Cos(2*math.Pi*hertz/rate), -r*r
		var last, before float64
		for i, v := range sound {
			last, before = (1-b-c)*v+b*last+c*before, last
			sound[i] = last
		}
	}
	var loudest float64
	for _, v := range sound {
		loudest = max(loudest, math.Abs(v))
	}
	loud := 0.2 + 0.6*rng.Float64()
	out := make([]float32, length)
	for i, v := range sound {
		out[i] = float32(loud*v/loudest + noise*rng.NormFloat64())
	}
	return out
}
