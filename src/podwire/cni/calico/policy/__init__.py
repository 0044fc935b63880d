"""From policies as people write them to what Felix renders: conversion, selection, IP sets (Felix's calculation graph)."""
