//! Test tools shared by the rooms: engines side by side, generators, histories.
