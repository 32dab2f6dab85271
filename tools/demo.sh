#!/bin/sh
# A small market, its features, and a look at them: demo.sh TICKLOOM FOLDER
set -eu
tickloom=$1
out=$2
rm -rf "$out"
mkdir -p "$out"
echo "\$ tickloom generate daily --tickers 50 --rows 2000 --seed 7 --out $out/market"
"$tickloom" generate daily --tickers 50 --rows 2000 --seed 7 --out "$out/market"
echo
echo "\$ tickloom features features/first.loom --in $out/market --out $out/features"
"$tickloom" features features/first.loom --in "$out/market" --out "$out/features"
echo
echo "\$ tickloom cat $out/features/SPY.parquet --rows 300..305 --columns ticker,date,daily_return,sma_cross,volatility_21d,beta_spy"
"$tickloom" cat "$out/features/SPY.parquet" --rows 300..305 --columns ticker,date,daily_return,sma_cross,volatility_21d,beta_spy
echo
echo "bars:     $out/market/*.parquet"
echo "features: $out/features/*.parquet (read them with DuckDB, polars, pandas, Spark)"
echo "record:   $out/features/_tickloom/runs/"
echo
echo "\$ tickloom pack options $out/raw --calendar $out/raw/expiry_calendar.csv --out $out/tape"
"$tickloom" generate options --contracts 40 --rows 100000 --days 3 --seed 7 --out "$out/raw"
"$tickloom" pack options "$out/raw" --calendar "$out/raw/expiry_calendar.csv" --out "$out/tape"
echo
echo "\$ tickloom backtest strategies/ema_cross.loom --in $out/tape --profile tick --by day"
"$tickloom" backtest strategies/ema_cross.loom --in "$out/tape" --profile tick --by day
