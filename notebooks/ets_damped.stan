// ETS(A,Ad,A): damped additive exponential smoothing with additive errors and one
// regressor, which stands outside the level. In the letters of the lecture,
//   y[t]      = level + theta * trend + season + k * x[t] + error[t],
//   level    <- level + theta * trend + alpha * error[t],
//   trend    <- theta * trend + beta * error[t],
//   season[t] = season[t - m] + gamma * error[t],   error[t] ~ normal(0, sigma).
// A size of 0 or 1 switches a part off or on: one compiled program serves them all.
functions {
  // One future, or one replicated past: the equations run forward with fresh errors.
  vector ets_rng(vector kx, real alpha, real beta, real gamma, real theta, real sigma,
                 real level_start, real trend_start, vector season_start) {
    int n = num_elements(kx);
    int m = num_elements(season_start);
    real level = level_start;
    real trend = trend_start;
    vector[n + m] season = append_row(season_start, zeros_vector(n));
    vector[n] y;
    for (t in 1:n) {
      real error = normal_rng(0, sigma);
      y[t] = level + theta * trend + season[t] + kx[t] + error;
      level = level + theta * trend + alpha * error;
      trend = theta * trend + beta * error;
      season[t + m] = season[t] + gamma * error;
    }
    return y;
  }
}
data {
  int<lower=1> n;                            // observations
  int<lower=1> m;                            // steps in a season; 1: no season
  vector[n] y;                               // the series
  vector[n] x;                               // the regressor
  int<lower=0> h;                            // steps to forecast
  vector[h] x_future;                        // the regressor then
  int<lower=0, upper=1> use_trend;
  int<lower=0, upper=1> damped;              // 0: theta = 1
  int<lower=0, upper=1> use_k;               // 0: k = 0
  int<lower=0, upper=1> prior_only;          // 1: the likelihood is left out
  int<lower=0, upper=1> replicate;           // 1: draw a replicated past as well
  real level_mean;                           // the priors, on the scale of y
  real<lower=0> level_sd;
  real<lower=0> trend_sd;
  real<lower=0> season_sd;
  real<lower=0> k_sd;
  real<lower=0> sigma_sd;
  vector<lower=0>[2] alpha_shape;            // alpha ~ beta(...), and so on; (1, 1) is uniform
  vector<lower=0>[2] beta_shape;             // of beta_star
  vector<lower=0>[2] gamma_shape;            // of gamma_star
  vector<lower=0>[2] theta_shape;
}
transformed data {
  // Orthonormal columns, each of sum zero: they span all seasons of sum zero.
  matrix[m, m - 1] basis = rep_matrix(0, m, m - 1);
  for (j in 1:(m - 1)) {
    basis[1:j, j] = rep_vector(inv_sqrt(j * (j + 1.0)), j);
    basis[j + 1, j] = -j * inv_sqrt(j * (j + 1.0));
  }
}
parameters {
  real<lower=0, upper=1> alpha;
  vector<lower=0, upper=1>[use_trend] beta_star;            // beta = alpha * beta_star
  vector<lower=0, upper=1>[m > 1] gamma_star;               // gamma = (1 - alpha) * gamma_star
  vector<lower=0, upper=1>[use_trend * damped] theta_free;
  vector<multiplier=k_sd>[use_k] k_free;
  real<lower=0> sigma;
  real<offset=level_mean, multiplier=level_sd> level_start;      // level[0]
  vector<multiplier=trend_sd>[use_trend] trend_free;             // trend[0]
  vector<multiplier=season_sd>[m - 1] season_free;
}
transformed parameters {
  real beta = use_trend ? alpha * beta_star[1] : 0;
  real gamma = m > 1 ? (1 - alpha) * gamma_star[1] : 0;
  real theta = use_trend * damped ? theta_free[1] : 1;
  real k = use_k ? k_free[1] : 0;
  real trend_start = use_trend ? trend_free[1] : 0;
  vector[m] season_start = basis * season_free;             // season[1 - m], ..., season[0]
  vector[n] y_hat;                                          // E(y[t] | y[1], ..., y[t - 1])
  real level_end = level_start;
  real trend_end = trend_start;
  vector[m] season_end;                                     // season[n + 1 - m], ..., season[n]
  {
    vector[n + m] season;
    season[1:m] = season_start;
    for (t in 1:n) {
      y_hat[t] = level_end + theta * trend_end + season[t] + k * x[t];
      real error = y[t] - y_hat[t];
      level_end = level_end + theta * trend_end + alpha * error;
      trend_end = theta * trend_end + beta * error;
      season[t + m] = season[t] + gamma * error;
    }
    season_end = season[(n + 1):(n + m)];
  }
}
model {
  alpha ~ beta(alpha_shape[1], alpha_shape[2]);
  beta_star ~ beta(beta_shape[1], beta_shape[2]);
  gamma_star ~ beta(gamma_shape[1], gamma_shape[2]);
  theta_free ~ beta(theta_shape[1], theta_shape[2]);
  k_free ~ normal(0, k_sd);
  sigma ~ normal(0, sigma_sd);
  level_start ~ normal(level_mean, level_sd);
  trend_free ~ normal(0, trend_sd);
  season_free ~ normal(0, season_sd);
  if (!prior_only) {
    y ~ normal(y_hat, sigma);
  }
}
generated quantities {
  vector[n] log_lik;
  for (t in 1:n) {
    log_lik[t] = normal_lpdf(y[t] | y_hat[t], sigma);
  }
  vector[h] y_future = ets_rng(k * x_future, alpha, beta, gamma, theta, sigma,
                               level_end, trend_end, season_end);
  vector[replicate * n] y_rep;
  if (replicate) {
    y_rep = ets_rng(k * x, alpha, beta, gamma, theta, sigma,
                    level_start, trend_start, season_start);
  }
}
